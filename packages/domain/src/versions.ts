/** Version of the product, as in the root package.json; a test compares the two. */
export const PRODUCT_VERSION = '0.1.0'

/** Agent protocol: the range this build speaks (decision 23). */
export const AGENT_PROTOCOL = { min: 1, max: 1 } as const

/** Version string that publishing clients see: it decides what they try (publisher-api 6.3). */
export const API_VERSION_DEFAULT = '2026.06.0'
