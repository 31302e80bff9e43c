// The page: for people who would rather look than read. One element, one router; each page is a file in `pages`.
import "./style.css";
import "./log/ansi-colours.css";
import { render } from "preact";
import { App } from "./app.tsx";
import { loadSession } from "./state/session.ts";

void loadSession();
const place = document.getElementById("page");
if (place === null) throw new Error("the page has no place for itself");
render(<App />, place);
