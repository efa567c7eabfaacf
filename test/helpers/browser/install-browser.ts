/** Runs before the tests: gets the browser that they need, where that is possible. */
import process from 'node:process'
import { findBrowser, installBrowser } from './browser.ts'

if (findBrowser() === null && process.env['HAIF_NO_BROWSER'] !== '1') installBrowser()
