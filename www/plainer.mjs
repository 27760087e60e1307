// wasm-bindgen's glue is made for every page there is. What it has for others is taken out of it here, and what it says over and over is said once. Its
// words may change with its version: a pattern that is not found any more ends the build.

import { Stop } from './tools.mjs';

/** What is looked for, what stands there instead, and why that is the same. @type {[RegExp, string, string][]} */
const PLAINER = [
  [/^ +free\(\) \{[^}]*\}\n/gm, '', 'a worker ends with all that it made: nothing is freed before'],
  [/^ +\w+Finalization\.(?:un)?register\(.*\);\n/gm, '', 'the same'],
  [/^const \w+Finalization = [^;]*;\n/gm, '', 'the same'],
  [/^ +__destroy_into_raw\(\) \{[^}]*\}\n/gm, '', 'the same'],
  [/this\.__destroy_into_raw\(\)/g, 'this.__wbg_ptr', 'nothing is asked of a session that has ended'],
  [/ try \{\n([^}]*)\} catch \(e\) \{\n(?: +if \(ptr\d\) \{.*\}\n)+ +throw e;\n +\}/g, '$1', 'what cannot be passed to the core ends its worker'],
  [/(?:^ +let deferred\d_\d;\n)+ +try \{\n([^]*?)\} finally \{[^}]*\}/gm, '$1', 'a worker has one text of a few letters to be freed, and one when it crashes'],
  [/^ +deferred\d_\d = .*;\n/gm, '', 'the same'],
  [/if \(realloc === undefined\) \{([^}]*)\}[^]*?\n\}/g, '$1}', 'a text is encoded at once: those that the page sends are short'],
  [/if \(!\('encodeInto' in cachedTextEncoder\)\) \{[^]*?\n\}/g, '', 'the same'],
  [/, malloc(?:, realloc)?\) \{/g, ') {', 'there is one way to get memory'],
  [/\bmalloc\(/g, 'wasm.__wbindgen_malloc(', 'the same'],
  [/(, wasm\.__wbindgen_malloc)(?:, wasm\.__wbindgen_realloc)?\)/g, ')', 'the same'],
  [/__wbg_ptr/g, 'at', 'shorter'],
  [/^ +(?:__proto__: null,|return this;|if \(wasm !== undefined\) return wasm;)\n/gm, '', 'it is started once, with names that no prototype has'],
  [/if \(module !== undefined\) \{[^]*?\n {4}\}/g, '({module} = module);', 'the worker gives a compiled module'],
  [/if \(!\(module instanceof WebAssembly\.Module\)\) \{[^}]*\}/g, '', 'the same'],
  [/^ +if \(ret\[(\d)\]\) \{\n(?: +ptr1 = 0; len1 = 0;\n)? +throw takeFromExternrefTable0\(ret\[\d\]\);\n +\}/gm, 'checked(ret, $1);', 'an error stands in the last two places'],
  [/const ret = (.*);\nchecked\(ret, (\d)\);\n +return (\S*)ret\[0\](?! === 0)/g, 'return $3checked($1, $2)', 'the same'],
  [/$/, '\nfunction checked(ret, at) {\n    if (ret[at]) throw takeFromExternrefTable0(ret[at - 1]);\n    return ret[0];\n}\n', 'the same'],
  [/^let cached(\w+)Memory0 = null;\nfunction \w+\(\) \{[^]*?\n\}\n/gm, '', 'a view costs less than a question whether the one of before is still good'],
  [/^ +cached\w+Memory0 = null;\n/gm, '', 'the same'],
  [/get(\w+)ArrayMemory0\(\)\.subarray\(ptr(?: \/ \d)?, ptr(?: \/ \d)? \+ ([\w.]+)\)/g, 'new $1Array(wasm.memory.buffer, ptr, $2)', 'the same'],
  [/getDataViewMemory0\(\)/g, 'new DataView(wasm.memory.buffer)', 'the same'],
  [/getUint32ArrayMemory0\(\)\.set\(arg, ptr \/ 4\)/g, 'new Uint32Array(wasm.memory.buffer, ptr).set(arg)', 'the same'],
  [/^let cachedTextDecoder = [^]*?\nfunction decodeText\(bytes\) \{[^]*?\n\}\n/gm, "function decodeText(bytes) {\n    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);\n}\n", 'one for each text never comes to the 2 GB after which Safari fails'],
  [/new DataView\(wasm\.memory\.buffer\)\.setInt32\(\(arg0 >>> 0\) \+ 4 \* 1, len1, true\);\n.*/g, 'give(arg0, ptr1, len1);', 'where a text lies'],
  [/$/, '\nfunction give(to, ptr, len) {\n    const memory = new DataView(wasm.memory.buffer);\n    memory.setInt32((to >>> 0) + 4, len, true);\n    memory.setInt32(to >>> 0, ptr, true);\n}\n', 'the same'],
  [/: function\(\) \{ return handleError\(function \((.*)\) \{\n([^]*?)\n +\}, arguments\); \}/g, ': handleError(($1) => {\n$2\n})', 'what throws is wrapped once'],
  [/function handleError\(f, args\) \{([^]*?)f\.apply\(this, args\)([^]*?)\n\}/g, 'function handleError(f) {\nreturn (...args) => {$1f(...args)$2\n};\n}', 'the same'],
  [/ let result;\n +try \{\n +result = (arg0 instanceof Error);\n[^]*?return ret;/g, ' return $1;', 'only what a page made itself can throw here'],
];

/** @param {string} glue */
export function plainer(glue) {
  return PLAINER.reduce((text, [pattern, by, why]) => {
    const shorter = text.replace(pattern, by);
    if (shorter === text) throw new Stop(`wasm-bindgen's glue has no ${pattern} any more (${why}): look at www/plainer.mjs`);
    return shorter;
  }, glue);
}
