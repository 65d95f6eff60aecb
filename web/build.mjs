// SPDX-License-Identifier: MIT
// node build.mjs OUT: the page as one file, in which @DATA@ stands for the report (see src/data.md).
// Nothing but what stands in it may run or be shown: the policy names the script and the style by their hashes.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';

const out = process.argv[2];
if (!out) {
	console.error('usage: node build.mjs OUT');
	process.exit(64);
}

const bundled = await build({
	entryPoints: ['src/main.js'],
	bundle: true,
	minify: true,
	format: 'iife',
	target: 'es2020',
	charset: 'utf8',
	legalComments: 'inline',
	loader: { '.css': 'css' },
	outdir: 'unused',
	write: false,
});

const file = suffix => bundled.outputFiles.find(f => f.path.endsWith(suffix)).text;
const hash = text => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
// What ends an element must not stand in it.
const script = file('.js').replaceAll('</script', '<\\/script');
const style = file('.css').replaceAll('</style', '<\\/style');
// Libraries set sizes and places as style attributes of elements they make; that takes no inline <style> of others.
const policy = `default-src 'none'; script-src ${hash(script)}; style-src ${hash(style)}; style-src-attr 'unsafe-inline'; img-src data:`;
const fill = { POLICY: policy, STYLE: style, SCRIPT: script };

const page = readFileSync('src/page.html', 'utf8').replace(/@(POLICY|STYLE|SCRIPT)@/g, (_, name) => fill[name]);
if (page.split('@DATA@').length !== 2)
	throw new Error('the page must have @DATA@ once');
writeFileSync(out, page);
