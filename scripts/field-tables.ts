// Tables of fields in the documents, written from the API's document, so that they cannot say anything else. A table stands
// between `<!-- fields: Shape -->` and `<!-- end of fields -->`.

interface Schema {
	$ref?: string;
	type?: string | string[];
	format?: string;
	description?: string;
	enum?: (string | null)[];
	minimum?: number;
	maximum?: number;
	minLength?: number;
	maxLength?: number;
	minItems?: number;
	maxItems?: number;
	properties?: Record<string, Schema>;
	required?: string[];
	items?: Schema;
	additionalProperties?: Schema | boolean;
}

const table = /(<!-- fields: (\w+) -->\n)[\s\S]*?(<!-- end of fields -->)/g;

/** The text with each of its tables as `schemas` say. */
export function withFieldTables(text: string, schemas: Record<string, Schema>): string {
	return text.replace(table, (_, begin: string, shape: string, end: string) => {
		const schema = schemas[shape];
		if (schema === undefined) throw new Error(`the API has no shape ${shape}`);
		return `${begin}\n| field | is | |\n| --- | --- | --- |\n${rowsOf(schema, "").join("\n")}\n\n${end}`;
	});
}

function rowsOf({ properties = {}, required = [] }: Schema, prefix: string): string[] {
	return Object.entries(properties).flatMap(([name, field]) => {
		const path = `${prefix}${name}`;
		const must = required.includes(name) ? ", required" : "";
		const inner = field.items?.properties ? rowsOf(field.items, `${path}[].`) : rowsOf(field, `${path}.`);
		return [`| \`${path}\` | ${kindOf(field)}${must} | ${cell(field.description ?? "")} |`, ...inner];
	});
}

function kindOf(field: Schema): string {
	if (field.$ref) return `\`${field.$ref.split("/").at(-1)}\``;
	if (field.enum) return field.enum.map((word) => `\`${word}\``).join(" ");
	const [type = "object", ...others] = [field.type ?? "object"].flat();
	const orNull = others.includes("null") ? " or null" : "";
	if (type === "array") return `list${boundOf(field.minItems, field.maxItems)}${orNull}`;
	if (type === "object") return `${field.properties ? "object" : "object of names"}${orNull}`;
	if (type === "string") {
		const what = field.format === "date-time" ? "instant" : "text";
		return `${what}${boundOf(field.minLength, field.maxLength)}${orNull}`;
	}
	return `${type}${boundOf(field.minimum, field.maximum)}${orNull}`;
}

function boundOf(least: number | undefined, most: number | undefined): string {
	const shown = [least, most].map((bound) => (bound === undefined || Math.abs(bound) > 2 ** 52 ? null : bound));
	if (shown[0] === null && shown[1] === null) return "";
	if (shown[1] === null) return `, ${shown[0]} or more`;
	return `, ${shown[0] ?? 0} to ${shown[1]?.toLocaleString("en-US")}`;
}

function cell(text: string): string {
	return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}
