// ESM all the way: swc strips the types, node's own module loader does the rest.
const common = {
  rootDir: import.meta.dirname ?? process.cwd(),
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^troupe$': '<rootDir>/dist/index.js', '^(\\.{1,2}/.*)\\.js$': ['$1.ts', '$1.js'] },
  transform: {
    '\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'es6' } },
    ],
  },
};

export default {
  projects: [
    { ...common, displayName: 'unit', testMatch: ['<rootDir>/test/unit/**/*.test.ts'] },
    { ...common, displayName: 'architecture', testMatch: ['<rootDir>/test/architecture/**/*.test.ts'] },
    { ...common, displayName: 'guest', testMatch: ['<rootDir>/test/guest/**/*.test.ts'] },
    { ...common, displayName: 'stress', testMatch: ['<rootDir>/test/stress/**/*.test.ts'] },
  ],
  // Natively and under troupe, each with a deadline of its own (test/guest/support/run.ts).
  testTimeout: 150_000,
  reporters: ['default', '<rootDir>/test/support/count-reporter.js'],
};
