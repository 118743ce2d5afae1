// The same rules without the exclusion of fixtures/, for the test that the rules find what is planted there.
const rules = require('./boundaries.cjs')

module.exports = { ...rules, options: { ...rules.options, exclude: { path: '(^|/)(dist|gen)/' } } }
