/** The page of the API: every address, its body and its reply, made from `/openapi.json`. */
import { render } from 'preact'
import { App } from './ui/app.tsx'

render(<App />, document.getElementById('app')!)
