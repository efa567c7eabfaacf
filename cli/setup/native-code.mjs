/** For bundles: how packages in them find their code for this machine, which stays outside. */

const NATIVE = ['sodium-native', 'udx-native']

/** Such a package looks beside one of its own files, and that file is elsewhere now. */
export const nativeCode = () => ({
  name: 'native-code',
  transform(code, id) {
    const file = id.replaceAll('\\', '/')
    const name = NATIVE.find((one) => file.endsWith(`node_modules/${one}/binding.js`))
    if (name === undefined) return null
    return code.replace('__filename', `require.resolve('${name}/binding.js')`)
  }
})
