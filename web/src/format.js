// SPDX-License-Identifier: MIT
export const byId = id => document.getElementById(id);

// Colours that colour-blind people can tell (Paul Tol's "bright"), in a fixed order.
export const colours = ['#4477aa', '#ccbb44', '#ee6677', '#228833', '#66ccee', '#aa3377', '#bbbbbb'];
export const colour = index => colours[index % colours.length];

export const count = value => value.toLocaleString('en');

// "1 VM", "2 VMs"
export const several = (value, one, more = `${one}s`) => `${count(value)} ${value === 1 ? one : more}`;

const units = [[1e9, 's'], [1e6, 'ms'], [1e3, 'us']];

// "1.23 ms"
export function time(ns) {
	for (const [size, unit] of units)
		if (ns >= size)
			return `${(ns / size).toPrecision(3)} ${unit}`;
	return `${ns} ns`;
}

// A table of texts: heads and rows of cells; numbers stand to the right.
export function fillTable(table, heads, rows) {
	const row = (cells, tag) => {
		const line = document.createElement('tr');
		for (const cell of cells) {
			const place = document.createElement(tag);
			place.textContent = typeof cell === 'number' ? count(cell) : cell.text ?? cell;
			if (typeof cell === 'number' || cell.right)
				place.className = 'number';
			if (cell.colour) {
				const mark = document.createElement('i');
				mark.style.background = cell.colour;
				place.prepend(mark);
			}
			line.append(place);
		}
		return line;
	};

	table.replaceChildren();
	const head = table.createTHead();
	head.append(row(heads, 'th'));
	const body = table.createTBody();
	for (const cells of rows)
		body.append(row(cells, 'td'));
}
