// SPDX-License-Identifier: MIT
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { byId, colour, count, fillTable, time } from './format.js';

// The histogram's buckets are fine; what is drawn are the powers of two of a microsecond that they lie in.
function bars(report) {
	const power = bucket => Math.max(0, Math.floor(Math.log2(Math.max(bucket.low_ns, 1) / 1000)));
	const last = Math.max(...report.histogram.map(power));
	const sums = report.classes.map(() => new Array(last + 1).fill(0));
	const numbers = new Array(last + 1).fill(0);

	for (const bucket of report.histogram) {
		sums[bucket.class][power(bucket)] += bucket.sum_ns / 1e9;
		numbers[power(bucket)] += bucket.count;
	}
	return { sums, numbers, last };
}

// uPlot draws series one over the other: the largest sum first.
function stacked(sums) {
	const stack = sums.map(values => values.slice());

	for (let i = 1; i < stack.length; i++)
		for (let x = 0; x < stack[i].length; x++)
			stack[i][x] += stack[i - 1][x];
	return stack;
}

export function drawLatency(report) {
	const { sums, numbers, last } = bars(report);
	const stack = stacked(sums), place = byId('latency');
	const column = uPlot.paths.bars({ size: [0.9, 100] });
	const series = stack.map((_, i) => ({
		label: report.classes[i].name,
		fill: colour(i),
		stroke: colour(i),
		paths: column,
		points: { show: false },
		value: (_, value, index, at) => at == null ? '-' : time(Math.round(sums[i][at] * 1e9)),
	}));

	new uPlot({
		width: Math.max(place.clientWidth, 320),
		height: 220,
		scales: { x: { time: false, range: [-0.6, last + 0.6] }, s: { range: (_, low, high) => [0, high || 1] },
			n: { range: (_, low, high) => [0, high || 1] } },
		axes: [
			{ values: (_, ticks) => ticks.map(tick => Number.isInteger(tick) ? time(2 ** tick * 1000) : ''),
				space: 60, incrs: [1, 2, 4] },
			{ scale: 's', values: (_, ticks) => ticks.map(tick => tick ? time(Math.round(tick * 1e9)) : '0'), size: 70 },
			{ scale: 'n', side: 1, label: 'flushes', grid: { show: false }, size: 70 },
		],
		series: [
			{ label: 'from', value: (_, value) => value == null ? '-' : time(2 ** value * 1000) },
			...series.map(one => ({ ...one, scale: 's' })).reverse(),
			{ label: 'flushes', scale: 'n', stroke: '#222', dash: [3, 3], points: { show: false },
				value: (_, value) => value == null ? '-' : count(value) },
		],
	}, [numbers.map((_, i) => i), ...stack.slice().reverse(), numbers], place);

	fillTable(byId('classes'), ['class', 'flushes', 'time', 'p50', 'p90', 'p99', 'p99.9', 'max'],
		report.classes.map((kind, i) => [{ text: kind.name, colour: colour(i) }, kind.count,
			...['sum_ns', 'p50_ns', 'p90_ns', 'p99_ns', 'p999_ns', 'max_ns'].map(key => (
				{ text: time(kind[key]), right: true }))]));
}
