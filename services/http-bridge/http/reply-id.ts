/** Makes an id such as `chatcmpl-…` from the request id. */
export const replyId = (prefix: string, requestId: string): string =>
  prefix + requestId.replaceAll(/[^A-Za-z0-9]/g, '')
