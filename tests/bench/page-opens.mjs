// SPDX-License-Identifier: GPL-2.0
// node page-opens.mjs PACKAGE.JSON PAGE: ms from the open of PAGE until it is drawn, in Chromium; the best of three.
import { createRequire } from 'node:module';
import { resolve } from 'node:path';

const [packages, path] = process.argv.slice(2);
const { chromium } = createRequire(resolve(packages))('playwright-core');
const browser = await chromium.launch({
	executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
	args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
});
let best = Infinity;

for (let i = 0; i < 3; i++) {
	const page = await (await browser.newContext()).newPage();
	const begin = performance.now();

	await page.goto(`file://${resolve(path)}`);
	await page.waitForSelector('body[data-drawn]');
	best = Math.min(best, performance.now() - begin);
	await page.close();
}
await browser.close();
console.log(best.toFixed(0));
