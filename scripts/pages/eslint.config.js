// How the scripts of the pages are written; prettier minds where their lines break.

import js from "@eslint/js";
import globals from "globals";

const clarity = {
  "consistent-return": "error",
  curly: ["error", "multi-line", "consistent"],
  "default-param-last": "error",
  eqeqeq: "error",
  "max-classes-per-file": ["error", 1],
  "no-duplicate-imports": "error",
  "no-else-return": "error",
  "no-lonely-if": "error",
  "no-multi-assign": "error",
  "no-nested-ternary": "error",
  "no-param-reassign": "error",
  "no-shadow": "error",
  "no-unneeded-ternary": "error",
  "no-useless-concat": "error",
  "no-useless-return": "error",
  "no-var": "error",
  "object-shorthand": "error",
  "one-var": ["error", "never"],
  "prefer-const": "error",
  "prefer-object-spread": "error",
  "prefer-template": "error",
  "func-style": ["error", "declaration", { allowArrowFunctions: true }],
};

const size = {
  complexity: ["error", 8],
  "max-depth": ["error", 3],
  "max-lines": ["error", 300],
  "max-lines-per-function": ["error", { max: 40 }],
  "max-nested-callbacks": ["error", 3],
  "max-params": ["error", 5],
  "max-statements": ["error", 18],
};

const safety = {
  "array-callback-return": "error",
  "no-alert": "error",
  "no-console": "error",
  "no-eval": "error",
  "no-implicit-coercion": "error",
  "no-implied-eval": "error",
  "no-promise-executor-return": "error",
  "no-restricted-properties": [
    "error",
    ...["innerHTML", "outerHTML", "insertAdjacentHTML"].map((property) => ({ property })),
    { object: "document", property: "write" },
  ],
  "no-self-compare": "error",
  "no-unmodified-loop-condition": "error",
  "no-unused-vars": "error",
  "no-use-before-define": ["error", { functions: false, variables: false }],
  "require-atomic-updates": "off", // a view's state is its own; the answers that count are numbered
};

export default [
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  js.configs.recommended,
  { rules: { ...clarity, ...size, ...safety } },
  {
    files: ["src/technic/interfaces/web/**/*.js"],
    languageOptions: { ecmaVersion: 2024, sourceType: "module", globals: globals.browser },
  },
];
