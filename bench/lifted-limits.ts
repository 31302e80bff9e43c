// What a measurement asks for that is more than anybody may by default: said here, in the open, and set by the operator as for anybody.
import { Api } from "./api.ts";

const ofOwner = { "token-calls": 1_000_000, "token-dear-calls": 1_000_000 };
const ofRepository = { "waiting-jobs": 200_000, "runs-per-minute": 1_000_000 };

/** Of an owner, or of a repository that is there. */
export async function liftLimits(
	{ url, operatorToken }: { url: string; operatorToken: string },
	of: { owner: string; repo: string | null },
): Promise<void> {
	const operator = await Api.connect(url, operatorToken);
	try {
		await operator.setLimits(of, of.repo === null ? ofOwner : ofRepository);
	} finally {
		operator.close();
	}
}
