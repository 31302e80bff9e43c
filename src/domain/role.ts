// What a member of an owner is there, from the least to the most: each may what those before it may.

export const roles = ["viewer", "developer", "maintainer", "owner"] as const;
export type Role = (typeof roles)[number];

export function isAtLeast(role: Role, least: Role): boolean {
	return roles.indexOf(role) >= roles.indexOf(least);
}
