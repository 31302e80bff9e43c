// The API as OpenAPI 3.1 for whoever is not a server: importing the app registers every route.
import "../app.ts";
import { describeAll } from "./document.ts";

export function openApiDocument(): object {
	return describeAll();
}
