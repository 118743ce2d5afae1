/** Accounts of our own services, which can never run content: who runs as them could read the product's keys (decision 15). */
export const SERVICE_ACCOUNTS: readonly string[] = ['berth-server', 'berth-gateway', 'berth-db']
