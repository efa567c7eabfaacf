/** Does with each field of a body what the table says: refuses it, maps it, or lets it be. */
import type { Fields } from '../../chat/past/calls.ts'
import { fieldsApplier } from '../../http/fields.ts'
import { FIELDS, type Endpoint } from './field-table.ts'
import { MAPPINGS } from './mapped-fields.ts'

const appliers = { chat: applierOf('chat'), completion: applierOf('completion') }

function applierOf(endpoint: Endpoint): (body: Fields) => Fields {
  const fields = Object.values(FIELDS)
    .flat()
    .filter(({ of = endpoint }) => of === endpoint)
  return fieldsApplier({ fields, mappings: MAPPINGS })
}

/** Returns the body with those fields only that the contract has and that mean something. */
export const applyFields = (body: Fields, endpoint: Endpoint): Fields => appliers[endpoint](body)
