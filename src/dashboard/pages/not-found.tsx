export function NotFoundPage() {
	return (
		<p class="empty">
			There is nothing at this address. <a href="/">All repositories</a>
		</p>
	);
}
