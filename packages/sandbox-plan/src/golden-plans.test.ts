import { expect, test } from 'vitest'
import { encodePlan } from './encode.js'
import { explainPlan } from './explain.js'
import { encodeGolden, goldenText } from './golden-plan.js'
import { planSandbox } from './plan-sandbox.js'
import type { SandboxFacts, SandboxSpec } from './sandbox-spec.js'
import { ALICE, FLASK, factsOf, RESTORE, SHINY, specOf, UNPACK } from './testing-facts.js'

const GOLDENS: readonly [name: string, spec: SandboxSpec, facts: SandboxFacts][] = [
  ['flask', specOf(FLASK), factsOf()],
  ['shiny', specOf(SHINY), factsOf()],
  [
    'shiny-supervised-home',
    specOf(SHINY, { user: ALICE, homeMounting: true, supervisor: ['/usr/local/bin/nice-r', '-n', '2'] }),
    factsOf(),
  ],
  ['shiny-no-home', specOf(SHINY, { homeMounting: true, hasSecretEnv: true }), factsOf()],
  ['unpack', specOf(UNPACK), factsOf()],
  ['restore-python', specOf(RESTORE), factsOf({ appDir: null })],
]

test.each(GOLDENS)('golden plan: %s', async (name, spec, facts) => {
  const decision = planSandbox(spec, facts)
  if (decision.kind !== 'plan') throw new Error(decision.message)
  const text = goldenText(decision.plan)
  await expect(text).toMatchFileSnapshot(`../golden/${name}.plan`)
  await expect(`${explainPlan(decision.plan).join('\n')}\n`).toMatchFileSnapshot(`../golden/${name}.txt`)
  expect(encodeGolden(text)).toEqual(encodePlan(decision.plan))
})
