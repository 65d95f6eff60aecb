// SPDX-License-Identifier: MIT
import '../node_modules/d3-flame-graph/dist/d3-flamegraph.css';
import flamegraph from 'd3-flame-graph';
import { select } from 'd3-selection';
import { change, changeColour, changeWords, differenceTree } from './diff.js';
import { byId, count, time } from './format.js';

const row = 18; // px
const weights = { ns: time, wait: time, count, exposure: time };
const words = { ns: 'time in flushes', wait: 'waiting for other CPUs', count: 'flushes', exposure: 'exposure, summed over pages' };

// Folded lines as a tree: { name, value, children }, a node's value with those of its children in it. A line's frames are
// places in names.
export function tree(lines, names) {
	const root = { name: 'all', value: 0, children: [] };

	for (const [frames, value] of lines) {
		let node = root;
		node.value += value;
		for (const id of frames) {
			// Like frames stand together: where one is there, it is the last.
			let child = node.children.at(-1);
			if (child?.name !== names[id]) {
				child = { name: names[id], value: 0, children: [] };
				node.children.push(child);
			}
			child.value += value;
			node = child;
		}
	}
	return root;
}

export function drawFlame(report) {
	const place = byId('flame'), choose = byId('flame-weight');
	let chart;

	const draw = graph => {
		const words = weights[graph.weight];

		chart?.destroy();
		place.replaceChildren();
		chart = flamegraph()
			.width(Math.max(place.clientWidth, 320))
			.cellHeight(row)
			.height(row * (1 + Math.max(...graph.lines.map(line => line[0].length))))
			// Narrower ones cannot be told apart, are most of them, and appear when what they stand on is clicked.
			.minFrameSize(2)
			.inverted(true)
			.sort(true)
			.title('')
			.transitionDuration(0)
			.label(node => report.sides ? changeWords(node.data, change(node.data, report), words)
				: `${node.data.name}: ${words(node.value)}`)
			.setDetailsElement(byId('flame-details'));
		if (report.sides)
			chart.setColorMapper(node => node.highlight ? '#e600e6' : changeColour(change(node.data, report)));
		chart.setSearchHandler((found, sum, total) => {
			byId('flame-found').textContent = sum ? `${(100 * sum / total).toFixed(1)} % found` : 'nothing found';
		});
		select(place).datum((report.sides ? differenceTree : tree)(graph.lines, report.frames)).call(chart);
	};
	const current = () => report.flame.find(graph => graph.weight === choose.value);

	for (const graph of report.flame) {
		const option = document.createElement('option');
		option.value = graph.weight;
		option.textContent = words[graph.weight] ?? graph.weight;
		choose.append(option);
	}
	choose.addEventListener('change', () => draw(current()));
	byId('flame-search').addEventListener('input', event => {
		if (event.target.value) {
			try {
				new RegExp(event.target.value);
			} catch {
				byId('flame-found').textContent = 'not a regular expression yet';
				return;
			}
			chart.search(event.target.value);
		} else {
			chart.clear();
			byId('flame-found').textContent = '';
		}
	});
	byId('flame-reset').addEventListener('click', () => {
		byId('flame-search').value = '';
		byId('flame-found').textContent = '';
		chart.clear();
		chart.resetZoom();
	});
	draw(report.flame[0]);
}
