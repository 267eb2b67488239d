// Reads PDFs with Debian's poppler-utils.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { run } from './programs.js';

const results = path.resolve(import.meta.dirname, '../results');

/** A text without any space, so that thin spaces and line ends do not matter. */
export const dense = (text) => text.replace(/\s/g, '');

/** The text of each page of a PDF, which is kept in the results with its pages as pictures. */
export async function readPdf(name, content) {
  mkdirSync(results, { recursive: true });
  const file = path.join(results, `${name}.pdf`);
  writeFileSync(file, content);
  const { code, stdout, stderr } = await run('pdftotext', ['-layout', file, '-']);
  if (code !== 0) throw new Error(`pdftotext: ${stderr}`);
  await run('pdftoppm', ['-r', '60', '-png', file, path.join(results, name)]);
  // Every page ends with a form feed.
  return stdout.split('\f').slice(0, -1);
}
