// SPDX-License-Identifier: MIT
// What changed between two runs. A node has what it came to a flush, and the mean of the squares, before and after.

// As tree() in flame.js; a line is as wide as the larger of the two, so that what vanished is to be seen.
export function differenceTree(lines, names) {
	const make = name => ({ name, value: 0, before: 0, after: 0, squares: [0, 0], children: [] });
	const root = make('all');
	const add = (node, [, before, after, first, second]) => {
		node.value += Math.max(before, after);
		node.before += before;
		node.after += after;
		node.squares[0] += first;
		node.squares[1] += second;
	};

	for (const line of lines) {
		let node = root;
		add(node, line);
		for (const id of line[0]) {
			let child = node.children.at(-1);
			if (child?.name !== names[id]) {
				child = make(names[id]);
				node.children.push(child);
			}
			add(child, line);
			node = child;
		}
	}
	return root;
}

// 'noise' where it may be chance: within so many standard errors of the two means.
export function change(node, { sides, sigmas }) {
	const { before, after } = node;
	const errors = [before, after].map((mean, i) => Math.max(0, node.squares[i] - mean * mean) / sides[i].flushes);

	if (before === after || (after - before) ** 2 <= sigmas ** 2 * (errors[0] + errors[1]))
		return { verdict: 'noise', share: 0 };
	const verdict = !before ? 'new' : !after ? 'gone' : after > before ? 'more' : 'less';
	return { verdict, share: 1 - Math.min(before, after) / Math.max(before, after) };
}

export function changeColour({ verdict, share }) {
	const pale = Math.round(210 - 150 * share);

	if (verdict === 'noise')
		return '#dddddd';
	return verdict === 'more' || verdict === 'new' ? `rgb(255, ${pale}, ${pale})` : `rgb(${pale}, ${pale}, 255)`;
}

const said = { noise: ', within the noise', new: ', new', gone: ', gone', more: '', less: '' };

export function changeWords({ name, before, after }, { verdict }, words) {
	const value = number => words(Number(number.toPrecision(4)));
	const share = before && after ? `, ${after > before ? '+' : ''}${(100 * (after / before - 1)).toFixed(1)} %` : '';

	return `${name}: ${value(before)} -> ${value(after)} a flush${share}${said[verdict]}`;
}
