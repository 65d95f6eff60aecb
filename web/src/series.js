// SPDX-License-Identifier: MIT
import uPlot from 'uplot';
import { byId, colour, count, time } from './format.js';

// At which time of the run: both pictures end with the last that happened, so that what is below is what was then.
const seconds = tick => tick ? `${+tick.toFixed(6)} s` : '0';
const span = report => {
	const ends = [report.timeline, report.exposure].map(list => list.reduce((last, point) => Math.max(last, point[0]), 0));

	return [0, Math.max(...ends) / 1e9 || report.run.duration_ns / 1e9];
};

// A dot for each exposure; its area says of how many pages.
function dots(shade) {
	return (plot, index, from, to) => {
		const [xs, ys, sizes] = plot.data[index], context = plot.ctx;

		context.save();
		context.fillStyle = shade;
		context.globalAlpha = 0.45;
		for (let i = 0; i < xs.length; i++) {
			const x = plot.valToPos(xs[i], 'x', true), y = plot.valToPos(ys[i], 'y', true);
			const size = Math.min(1 + Math.sqrt(sizes[i]), 12) * devicePixelRatio;
			context.beginPath();
			context.arc(x, y, size, 0, 2 * Math.PI);
			context.fill();
		}
		context.restore();
		return null;
	};
}

export function drawExposure(report) {
	const place = byId('exposure');
	const byVm = report.vms.map((_, vm) => {
		const mine = report.exposure.filter(point => point[3] === vm);
		return [mine.map(point => point[0] / 1e9), mine.map(point => Math.max(point[1], 1) / 1e3),
			mine.map(point => point[2])];
	});
	const all = report.exposure.map(point => Math.max(point[1], 1) / 1e3);

	new uPlot({
		mode: 2,
		width: Math.max(place.clientWidth, 320),
		height: 240,
		scales: {
			x: { time: false, range: () => span(report) },
			y: { distr: 3, log: 10, range: () => [10 ** Math.floor(Math.log10(Math.min(...all))),
				10 ** Math.ceil(Math.log10(Math.max(...all) + 1))] },
		},
		legend: { live: false },
		cursor: { drag: { x: false, y: false } },
		axes: [{ space: 90, values: (_, ticks) => ticks.map(seconds) }, { values: (_, ticks) => ticks.map(tick => tick == null ? '' : time(tick * 1e3)), size: 70 }],
		series: [null, ...report.vms.map((vm, i) => ({
			label: `VM ${vm.pid} (${vm.comm})`, stroke: colour(i), fill: colour(i),
			facets: [{ scale: 'x', auto: true }, { scale: 'y', auto: true }],
			paths: dots(colour(i)),
		}))],
	}, [null, ...byVm], place);
}

export function drawTimeline(report) {
	const place = byId('timeline'), steps = report.timeline;
	const times = steps.map(step => step[0] / 1e9);
	// Where records were lost nothing is known, and the line has a gap.
	const known = index => steps.map(step => step[3] ? null : step[index]);
	const width = times.length > 1 ? (times[1] - times[0]) * 1e9 : 1;

	new uPlot({
		width: Math.max(place.clientWidth, 320),
		height: 180,
		scales: { x: { time: false, range: () => span(report) }, s: { range: (_, low, high) => [0, high || 1] }, n: { range: (_, low, high) => [0, high || 1] } },
		axes: [{ space: 90, values: (_, ticks) => ticks.map(seconds) }, { scale: 's', label: 'CPUs flushing', size: 60 },
			{ scale: 'n', side: 1, label: 'pages exposed', grid: { show: false }, size: 70 }],
		series: [
			{ label: 'at', value: (_, value) => value == null ? '-' : `${value.toFixed(3)} s` },
			{ label: 'CPUs in flushes', scale: 's', stroke: colour(0), fill: `${colour(0)}44`,
				value: (_, value, index, at) => at == null ? '-' : value == null ? 'lost' : value.toFixed(2) },
			{ label: 'pages exposed', scale: 'n', stroke: colour(2), value: (_, value, index, at) => at == null ? '-' : value == null ? 'lost' : count(value) },
		],
	}, [times, known(1).map(ns => ns == null ? null : ns / width), known(2)], place);
}
