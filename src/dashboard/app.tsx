// What stands around every page: who looks, where one is, and the way to sign in when nobody is known.
import { ErrorBoundary } from "preact-iso/lazy";
import { LocationProvider, Route, Router, useLocation } from "preact-iso/router";
import { Crumbs } from "./parts/crumbs.tsx";
import { Keyboard } from "./parts/keyboard.tsx";
import { Palette } from "./parts/palette.tsx";
import { decodedPart } from "./parts/decoded-part.ts";
import { HomePage } from "./pages/home.tsx";
import { NotFoundPage } from "./pages/not-found.tsx";
import { OperatorPage } from "./pages/operator.tsx";
import { PoolPage } from "./pages/pool.tsx";
import { RepositoryPage } from "./pages/repository.tsx";
import { RunPage } from "./pages/run.tsx";
import { SettingsPage } from "./pages/settings.tsx";
import { SignInPage } from "./pages/sign-in.tsx";
import { whoLooks, signOut } from "./state/session.ts";

/** What the server has besides the page, as a log in plain text or the way to an issuer, is gone to and not looked for here. */
const ownPaths = /^\/(?!(?:v1|auth|assets|install)\/|openapi\.json|badge\/)/;

export function App() {
	return (
		<LocationProvider scope={ownPaths}>
			<ErrorBoundary>
				<Frame />
			</ErrorBoundary>
		</LocationProvider>
	);
}

function Frame() {
	const { path } = useLocation();
	const who = whoLooks.value;
	if (who === undefined) return <p class="empty">…</p>;
	if (who === null) return <SignInPage />;
	return (
		<>
			<Keyboard />
			<Palette />
			<header class="top">
				<a class="skip" href="#main">
					Skip to the content
				</a>
				<Crumbs />
				{who.kind === "operator" ? <a href="/operator">Installation</a> : null}
				<span class="who">{who.name}</span>
				<button type="button" class="quiet" onClick={() => void signOut()}>
					Sign out
				</button>
			</header>
			<main id="main">
				{path.split("/").some((part) => decodedPart(part) === null) ? <NotFoundPage /> : <Places />}
			</main>
		</>
	);
}

function Places() {
	return (
		<Router>
			<Route path="/" component={HomePage} />
			<Route path="/sign-in" component={HomePage} />
			<Route path="/operator" component={OperatorPage} />
			<Route path="/:owner/settings" component={SettingsPage} />
			<Route path="/:owner/pools/:pool" component={PoolPage} />
			<Route path="/:owner/:repo" component={RepositoryPage} />
			<Route path="/:owner/:repo/runs/:run" component={RunPage} />
			<Route path="/:owner/:repo/runs/:run/jobs/:job" component={RunPage} />
			<Route default component={NotFoundPage} />
		</Router>
	);
}
