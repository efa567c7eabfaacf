/** `haif fn publish examples/functions.ts`, then `haif fn call total prices='[11, 6.5]'`. */
export const total = {
  description: 'The sum of prices, with a tax.',
  inputs: { prices: 'list[number]', tax: { type: 'number', default: 0 } },
  output: 'number',
  run({ prices, tax }: { prices: number[]; tax: number }): number {
    return prices.reduce((sum, price) => sum + price, 0) * (1 + tax)
  }
}
