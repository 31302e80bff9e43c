// What a job asks for itself, with the token of its lease.
import type { IdTokenMade, IdTokenRequest } from "../contracts/http/identity.ts";
import { idTokenPath } from "../contracts/wire/job-token.ts";
import { Transport } from "./transport.ts";
import type { TransportOptions } from "./transport.ts";

export class JobClient {
	readonly #transport: Transport;

	constructor(options: TransportOptions) {
		this.#transport = new Transport(options);
	}

	/** Who the job is, said to `audience`. Asked twice it gives two tokens, which is no harm. */
	idToken(request: IdTokenRequest): Promise<IdTokenMade> {
		const call = { method: "POST", path: idTokenPath, json: request, idempotent: true } as const;
		return this.#transport.json<IdTokenMade>(call, { token: "text", expiresAt: "text" });
	}
}
