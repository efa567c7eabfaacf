/** An answer with everything that Markdown has, as a model would write it. */
export const SAMPLE_ANSWER = `A **hash table** keeps pairs of key and value in an array. A *hash function* turns the key into
a place in it, so that looking something up takes the same time however much there is.

## How it works

1. Compute \`hash(key)\`, and take it modulo the number of places.
2. If another key is there already, go on to the next free place.
3. When it is more than two thirds full, double the array and move everything.

\`\`\`python
class HashTable:
    """Open addressing, linear probing."""

    def __init__(self, places: int = 8):
        self.slots = [None] * places
        self.count = 0

    def get(self, key, default=None):
        i = hash(key) % len(self.slots)
        while self.slots[i] is not None:
            if self.slots[i][0] == key:
                return self.slots[i][1]
            i = (i + 1) % len(self.slots)
        return default
\`\`\`

| operation | on average | at worst |
| --------- | ---------: | -------: |
| look up   | O(1)       | O(n)     |
| insert    | O(1)       | O(n)     |
| iterate   | O(n)       | O(n)     |

> A good hash function spreads similar keys far apart. Python salts the one for strings, so that
> nobody can choose keys that all collide.

See also [open addressing](https://en.wikipedia.org/wiki/Open_addressing).
`

/** What a hostile page, or a model that read one, would like the reader's browser to do. */
export const HOSTILE_ANSWER = `Here is <script>window.pwned = 'script'</script> and <img src=x onerror="window.pwned='img'"> and
<b>bold</b> and <iframe src="https://evil.example/frame"></iframe> text.

<script>
window.pwned = 'block script'
</script>

<svg onload="window.pwned='svg'"><a xlink:href="javascript:window.pwned='xlink'">x</a></svg>
<style>body { display: none }</style>
<form action="https://evil.example"><input name=q><button>send</button></form>

[click](javascript:window.pwned='link') and [data](data:text/html,<script>window.pwned='data'</script>)
and [tabbed](java\tscript:window.pwned='tab') and [entity](&#106;avascript:window.pwned='entity')
and [fine](https://example.com/a?b="c"&d=e) and <https://example.com/auto> and <javascript:alert(1)>.

![pixel](https://evil.example/pixel.png) ![x](data:image/svg+xml,<svg/onload=alert(1)>)

<kbd><img src=x onerror=window.pwned='kbd'></kbd> and <div class="dialog" style="position:fixed;inset:0">cover</div>

[ref]: javascript:window.pwned='ref'
[by reference][ref]

| a | b
|---|
| <img src=x onerror=window.pwned='cell'> | [c](javascript:void(0)) | extra

- unfinished **bold and \`code
  - deeper [link](

\`\`\`\`md
\`\`\`html
<script>window.pwned = 'nested fence'</script>
\`\`\`
\`\`\`\`

${'x'.repeat(3000)}

\`\`\`js "><img src=x onerror=window.pwned='info'>
const never = 'closed' // ${'y'.repeat(2000)}
`
