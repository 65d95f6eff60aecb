// SPDX-License-Identifier: GPL-2.0
// node page.mjs PAGE REPORT REAL HOSTILE DIFF SCREENSHOT: puts the report into the page, opens it in Chromium without a
// network, and uses it as a person would; then pages that flame --html has written: REAL, HOSTILE of a task whose name is
// markup, and DIFF of two runs. Prints TAP.
import { readFileSync, writeFileSync, mkdtempSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const [pagePath, reportPath, realPath, hostilePath, diffPath, screenshot] = process.argv.slice(2);
const { chromium } = createRequire(resolve(pagePath, '../web/package.json'))('playwright-core');
let number = 0, failed = 0;

function is(got, expected, words) {
	const ok = JSON.stringify(got) === JSON.stringify(expected);

	failed += !ok;
	console.log(`${ok ? 'ok' : 'not ok'} ${++number} - ${words}`);
	if (!ok)
		console.log(`# got:      ${JSON.stringify(got)}\n# expected: ${JSON.stringify(expected)}`);
}

// What a person does takes the page a moment, on a busy machine several: look() is asked until it says so, or for 10 s.
async function becomes(look, expected, words) {
	let got;

	for (let i = 0; i < 100; i++) {
		got = await look();
		if (JSON.stringify(got) === JSON.stringify(expected))
			break;
		await new Promise(again => setTimeout(again, 100));
	}
	is(got, expected, words);
}

const folder = mkdtempSync(join(tmpdir(), 'gmemtrace-page-'));
const report = JSON.parse(readFileSync(reportPath, 'utf8'));

function written(name, data) {
	const path = join(folder, name);
	// As the program does it: no "<" of the data is one of the page.
	writeFileSync(path, readFileSync(pagePath, 'utf8').replace('@DATA@', () => JSON.stringify(data).replaceAll('<', '\\u003c')));
	return `file://${path}`;
}

const browser = await chromium.launch({
	executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
	args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
		'--disable-component-update', '--disable-sync'],
});

async function open(url) {
	const page = await (await browser.newContext({ viewport: { width: 1200, height: 1800 } })).newPage();
	const said = [], asked = [];

	page.on('console', message => said.push(message.text()));
	page.on('pageerror', error => said.push(String(error)));
	page.on('dialog', dialog => { said.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
	page.on('request', request => request.url().startsWith('file:') || asked.push(request.url()));
	await page.goto(url);
	await page.waitForSelector('body[data-drawn]');
	return { page, said, asked };
}

const { page, said, asked } = await open(written('report.html', report));
const text = selector => page.locator(selector).first().textContent();

is(await text('#title'), `Where flush time went: ${report.title} \u2713 consistent`, 'the title is text, whatever it holds, and the verdict');
is(await page.locator('#limits li').allTextContents(), report.limits, 'limits are said');
is(await page.locator('main > section:not([hidden])').count(), 6, 'every part is there');
is(await page.locator('canvas').count(), 3, 'three of them drawn by uPlot');
is(await page.locator('#exposure .u-series .u-label').allTextContents(), report.vms.map(vm => `VM ${vm.pid} (${vm.comm})`),
	'names of tasks are text');

const frame = name => page.locator('#flame .d3-flame-graph-label', { hasText: name }).first();
const width = async name => (await frame(name).locator('..').locator('..').boundingBox()).width;
const before = await width('set_range');
await frame('set_range').click({ force: true });
await becomes(async () => await width('set_range') > 2 * before, true, 'a click widens a frame');
await page.click('#flame-reset');
await becomes(async () => Math.abs(await width('set_range') - before) < 2, true, 'and the whole is back');
await page.fill('#flame-search', 'flush_full');
await becomes(async () => /^\d+\.\d % found$/.test(await text('#flame-found')), true, 'a search says how much it found');
await page.fill('#flame-search', '(');
await becomes(() => text('#flame-found'), 'not a regular expression yet', 'half an expression is no error');
await page.fill('#flame-search', '');
// The pointer is moved anew each time: a graph that was just drawn takes a moment until it listens.
async function told(where, name, words) {
	await where.mouse.move(0, 0);
	await where.locator('#flame .d3-flame-graph-label', { hasText: name }).first().hover({ force: true });
	return words.test(await where.locator('#flame-details').textContent());
}

await becomes(() => told(page, 'configure', /configure: /), true, 'the frame below the pointer is told of');
await page.selectOption('#flame-weight', 'count');
await becomes(() => told(page, 'configure', /configure: [\d,]+$/), true, 'another weight draws anew');

const column = at => page.locator(`#slowest tbody td:nth-child(${at})`).allTextContents();
is((await column(1))[0], '6.638137', 'the slowest flush comes first');
await page.locator('#slowest th', { hasText: 'CPU' }).click();
await becomes(() => column(7), ['0', '1'], 'a click on a head sorts');
is(await column(4), ['-', '-'], 'what a flush was made of is not known here');

is(said, [], 'the console is silent');
is(asked, [], 'nothing is fetched');
if (screenshot)
	await page.screenshot({ path: screenshot, fullPage: true });

// What is missing is left out.
const bare = { ...report, flame: [], histogram: [], exposure: [], timeline: [], matrix: null, slowest: [], classes: [], vms: [],
	largest: null };
const empty = await open(written('bare.html', bare));
is(await empty.page.locator('main > section:not([hidden])').count(), 0, 'parts without data are left out');
is(empty.said, [], 'without a word');

const real = await open(`file://${resolve(realPath)}`);
is(real.said.concat(real.asked), [], 'what flame --html writes is drawn, without a word');
is(await real.page.locator('main > section:not([hidden])').count() >= 5, true, 'with its parts');
is(await real.page.locator('#slowest tbody tr').count() > 0, true, 'and the slowest flushes');

// Names that are markup are shown as they are, and make no element.
const hostile = await open(`file://${resolve(hostilePath)}`);
is(hostile.said.concat(hostile.asked), [], 'a hostile name runs nothing, and fetches nothing');
is(await hostile.page.locator('img, script:not([id]):not(:last-of-type), iframe').count(), 0, 'it makes no element');
is(await hostile.page.locator('#slowest td', { hasText: '<img src=//a/b>' }).count() > 0, true, 'and is shown as it is');
is(await hostile.page.locator('#matrix tbody td').filter({ hasText: /[0-9]/ }).count() > 0, true, 'who waited for whom is there');
is(await hostile.page.locator('#limits li', { hasText: 'lost' }).count(), 1, 'what was lost is said');
is(await hostile.page.locator('#slowest td', { hasText: 'answered last' }).count() > 0, true, 'and who answered last');
is(await hostile.page.locator('#slowest tbody tr').filter({ hasText: 'answered last' }).first().locator('td:nth-child(-n+5):nth-child(n+3)').allTextContents(),
	['100 ns', '2.90 us', '1.49 us'], 'asking, waiting and return');

const diff = await open(`file://${resolve(diffPath)}`);
is(diff.said.concat(diff.asked), [], 'two runs held against each other are drawn, without a word');
is(await diff.page.locator('main > section:not([hidden])').count(), 1, 'as flame graphs alone');
const shades = await diff.page.locator('#flame rect').evaluateAll(all => all.map(one => one.getAttribute('fill')));
is(shades.some(shade => /^rgb\(255, ?\d+, ?\d+\)$/.test(shade)) && shades.includes('#dddddd'), true, 'red where it is more, grey where it may be chance');
await becomes(() => told(diff.page, 'vfree', /vfree: .* -> .* a flush, \+200\.0 %/), true, 'a frame says what it was and is');

// The control: a page that says something is heard.
const wrong = await open(written('wrong.html', { ...report, slowest: [{ at_ns: 'x' }] }));
await becomes(() => wrong.said.length > 0, true, 'a report that is wrong is heard of');

await browser.close();
console.log(`1..${number}`);
process.exit(failed ? 1 : 0);
