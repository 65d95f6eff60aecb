// SPDX-License-Identifier: MIT
// Draws the report that stands in the page (data.md). What came from the traced system is text, and is put into
// the page as text alone: nowhere is it parsed as HTML.
import './page.css';
import { byId, time, count, several } from './format.js';
import { drawFlame } from './flame.js';
import { drawLatency } from './latency.js';
import { drawExposure, drawTimeline } from './series.js';
import { drawMatrix, drawSlowest } from './tables.js';

const report = JSON.parse(byId('data').textContent);

function head() {
	const run = report.run;
	const total = report.classes.reduce((sum, kind) => sum + kind.sum_ns, 0);
	const number = report.classes.reduce((sum, kind) => sum + kind.count, 0);
	const largest = report.largest;

	document.title = `gmemtrace: ${report.title}`;
	byId('title').textContent = `Where flush time went: ${report.title}`;
	if (run.verdict) {
		const verdict = document.createElement('span');
		verdict.className = `verdict ${run.verdict}`;
		verdict.textContent = ` ${{ consistent: '\u2713', violated: '\u2717' }[run.verdict] ?? '?'} ${run.verdict}`;
		byId('title').append(verdict);
	}
	byId('summary').textContent = `${time(total)} of flushing in ${time(run.duration_ns)}, ` +
		`${several(number, 'flush', 'flushes')} by ${several(report.vms.length, 'VM')}, ` +
		`${several(run.lost, 'record')} lost, ${several(run.missed, 'call')} missed` +
		`${run.untimed ? `, ${several(run.untimed, 'flush', 'flushes')} or answers not timed` : ''}. `;
	if (largest) {
		const strong = document.createElement('strong');
		strong.textContent = `Most of it: ${count(largest.count)} flushes of ${largest.kind}, by ` +
			`${largest.operation}: ${Math.round(100 * largest.sum_ns / (total || 1))} %. `;
		byId('summary').append(strong);
	}
	byId('summary').append([run.kernel, run.cpus ? several(run.cpus, 'CPU') : '',
		run.ceiling_pages ? `ceiling ${several(run.ceiling_pages, 'page')}` : '', `gmemtrace ${run.tool}`]
		.filter(words => words).join(', '));
	for (const limit of report.limits) {
		const item = document.createElement('li');
		item.textContent = limit;
		byId('limits').append(item);
	}
}

function headOfTwo() {
	const [before, after] = report.sides;

	document.title = `gmemtrace: ${report.title}`;
	byId('title').textContent = `What changed a flush: ${report.title}`;
	byId('summary').textContent = `${count(before.flushes)} flushes, then ${count(after.flushes)}; ` +
		`${count(before.lost)} and ${count(after.lost)} lost; ${before.kernel || 'an unknown kernel'}, then ` +
		`${after.kernel || 'an unknown kernel'}. Red is more a flush, blue less or gone, grey within ` +
		`${report.sigmas} standard errors.`;
}

// A part that cannot be drawn says so, and the others stand.
function part(name, there, draw) {
	const section = byId(`${name}-section`);

	if (!there) {
		section.hidden = true;
		return;
	}
	try {
		draw(report);
	} catch (error) {
		console.error(error);
		section.append(`This part could not be drawn: ${error.message}`);
	}
}

if (report.sides)
	headOfTwo();
else
	head();
part('flame', report.flame.length, drawFlame);
part('latency', report.histogram?.length, drawLatency);
part('exposure', report.exposure?.length, drawExposure);
part('timeline', report.timeline?.length > 1, drawTimeline);
part('matrix', report.matrix, drawMatrix);
part('slowest', report.slowest?.length, drawSlowest);
document.body.dataset.drawn = 'yes';
