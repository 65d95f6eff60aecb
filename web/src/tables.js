// SPDX-License-Identifier: MIT
import { byId, fillTable, time } from './format.js';

export function drawMatrix(report) {
	const { cpus, wait_ns } = report.matrix;
	const most = Math.max(1, ...wait_ns.flat());
	const table = byId('matrix');

	fillTable(table, ['CPU', ...cpus.map(String)],
		wait_ns.map((row, i) => [String(cpus[i]), ...row.map(ns => ({ text: ns ? (ns / 1e6).toFixed(3) : '', right: true }))]));
	wait_ns.forEach((row, i) => row.forEach((ns, j) => {
		table.tBodies[0].rows[i].cells[j + 1].style.background = `rgb(238 102 119 / ${(0.8 * ns / most).toFixed(3)})`;
	}));
}

// A part of a flush, where it is known who answered.
const part = key => flush => ({ text: flush[key] == null ? '-' : time(flush[key]), right: true });

const columns = [
	['at s', flush => ({ text: (flush.at_ns / 1e9).toFixed(6), right: true }), flush => flush.at_ns],
	['took', flush => ({ text: time(flush.ns), right: true }), flush => -flush.ns],
	['asking', part('prepare_ns'), flush => -(flush.prepare_ns ?? 0)],
	['waiting', part('wait_ns'), flush => -(flush.wait_ns ?? 0)],
	['return', part('return_ns'), flush => -(flush.return_ns ?? 0)],
	['what', flush => flush.kind, flush => flush.kind],
	['CPU', flush => flush.cpu, flush => flush.cpu],
	['task', flush => flush.task, flush => flush.task],
	['request', flush => flush.request, flush => flush.request],
	['meanwhile', flush => flush.meanwhile, flush => flush.meanwhile],
];

// Sorted by the column whose head was clicked last.
export function drawSlowest(report) {
	const table = byId('slowest');
	const draw = by => {
		const key = columns[by][2];
		const rows = report.slowest.slice().sort((a, b) => key(a) < key(b) ? -1 : key(a) > key(b));

		fillTable(table, columns.map(column => column[0]), rows.map(flush => columns.map(column => column[1](flush))));
		[...table.tHead.rows[0].cells].forEach((cell, i) => {
			cell.setAttribute('aria-sort', i === by ? 'ascending' : 'none');
			cell.tabIndex = 0;
			cell.addEventListener('click', () => draw(i));
			cell.addEventListener('keydown', event => event.key === 'Enter' && draw(i));
		});
	};

	draw(1);
}
