export function buildPage(): boolean
