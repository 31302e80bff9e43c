// An owner's settings: who is a member, which tokens there are, the secrets (written, never shown), the limits in use, and who did
// what. Each part is asked for by itself: a person sees those that the role allows.
import { useRoute } from "preact-iso/router";
import { AuditPart } from "../settings/audit-part.tsx";
import { LimitsPart } from "../settings/limits-part.tsx";
import { MembersPart } from "../settings/members-part.tsx";
import { SecretsPart } from "../settings/secrets-part.tsx";
import { TokensPart } from "../settings/tokens-part.tsx";

export function SettingsPage() {
	const { params } = useRoute();
	const owner = params.owner ?? "";
	return (
		<>
			<h1>Settings of {owner}</h1>
			<MembersPart owner={owner} />
			<TokensPart owner={owner} />
			<SecretsPart owner={owner} />
			<LimitsPart owner={owner} />
			<AuditPart owner={owner} />
		</>
	);
}
