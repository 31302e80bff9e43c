// By the letters at the end of an owner's name, each `o` or `n`, it is known of which build each of its objects is.
export const objectLetters = ["REPO", "POOL", "LOG", "FEED", "OWNER"] as const;
