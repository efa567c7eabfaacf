export function buildPages(): boolean
