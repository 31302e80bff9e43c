// A far end could not be reached or did not answer in time. Whether the call took effect is unknown. Thrown where the far end is
// called, and recognised by its type alone: never by a text or a name.

export class Outage extends Error {
	override name = "Outage";
}
