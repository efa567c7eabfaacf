/** What TeX's commands without arguments stand for. */

const GREEK =
  'alpha α beta β gamma γ delta δ epsilon ϵ varepsilon ε zeta ζ eta η theta θ vartheta ϑ iota ι ' +
  'kappa κ lambda λ mu μ nu ν xi ξ pi π varpi ϖ rho ρ varrho ϱ sigma σ varsigma ς tau τ ' +
  'upsilon υ phi ϕ varphi φ chi χ psi ψ omega ω Gamma Γ Delta Δ Theta Θ Lambda Λ Xi Ξ Pi Π ' +
  'Sigma Σ Upsilon Υ Phi Φ Psi Ψ Omega Ω infty ∞ partial ∂ nabla ∇ emptyset ∅ varnothing ∅ ' +
  'ell ℓ hbar ℏ imath ı jmath ȷ Re ℜ Im ℑ aleph ℵ angle ∠ triangle △ top ⊤ bot ⊥ degree °'

const OPERATORS =
  'pm ± mp ∓ times × div ÷ cdot ⋅ ast ∗ star ⋆ circ ∘ bullet ∙ oplus ⊕ ominus ⊖ otimes ⊗ odot ⊙ ' +
  'cup ∪ cap ∩ setminus ∖ wedge ∧ land ∧ vee ∨ lor ∨ neg ¬ lnot ¬ leq ≤ le ≤ geq ≥ ge ≥ ll ≪ ' +
  'gg ≫ neq ≠ ne ≠ equiv ≡ sim ∼ simeq ≃ approx ≈ cong ≅ propto ∝ doteq ≐ in ∈ notin ∉ ni ∋ ' +
  'subset ⊂ supset ⊃ subseteq ⊆ supseteq ⊇ subsetneq ⊊ forall ∀ exists ∃ nexists ∄ mid ∣ ' +
  'nmid ∤ parallel ∥ perp ⊥ models ⊨ vdash ⊢ to → rightarrow → leftarrow ← gets ← ' +
  'leftrightarrow ↔ Rightarrow ⇒ Leftarrow ⇐ Leftrightarrow ⇔ implies ⟹ impliedby ⟸ iff ⟺ ' +
  'longrightarrow ⟶ longleftarrow ⟵ Longrightarrow ⟹ mapsto ↦ uparrow ↑ downarrow ↓ ' +
  'hookrightarrow ↪ rightharpoonup ⇀ rightleftharpoons ⇌ ldots … cdots ⋯ vdots ⋮ ddots ⋱ ' +
  'dots … dotsc … dotsb ⋯ prime ′ colon : therefore ∴ because ∵ square □ blacksquare ■ qed □ ' +
  'dagger † S § langle ⟨ rangle ⟩ lfloor ⌊ rfloor ⌋ lceil ⌈ rceil ⌉ lvert | rvert | lVert ‖ ' +
  'rVert ‖ vert | Vert ‖ backslash \\ lbrace { rbrace } lbrack [ rbrack ]'

/** Their limits stand above and below. */
const LARGE = 'sum ∑ prod ∏ coprod ∐ bigcup ⋃ bigcap ⋂ bigoplus ⨁ bigotimes ⨂ bigvee ⋁ bigwedge ⋀'
const INTEGRALS = 'int ∫ iint ∬ iiint ∭ oint ∮'

/** Written upright, as words. */
const WORDS =
  'sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln lg exp arg deg dim hom ker ' +
  'Pr gcd'
const LIMIT_WORDS = 'lim limsup liminf max min sup inf argmax argmin det'

export const LETTERS = table(GREEK)
export const SIGNS = table(OPERATORS)
export const LARGE_SIGNS = table(LARGE)
export const INTEGRAL_SIGNS = table(INTEGRALS)
export const FUNCTIONS: ReadonlySet<string> = new Set(WORDS.split(' '))
export const LIMITS: ReadonlySet<string> = new Set(LIMIT_WORDS.split(' '))

/** In em. */
export const SPACES: ReadonlyMap<string, number> = new Map([
  [',', 0.17],
  [':', 0.22],
  ['>', 0.22],
  [';', 0.28],
  ['!', -0.17],
  [' ', 0.33],
  ['quad', 1],
  ['qquad', 2],
  ['enspace', 0.5],
  ['thinspace', 0.17]
])

/** Signs over their argument. */
export const ACCENTS = table(
  'hat ^ widehat ^ bar ¯ overline ¯ vec → overrightarrow → dot ˙ ddot ¨ tilde ~ widetilde ~ ' +
    'check ˇ breve ˘ acute ´ grave ` overbrace ⏞'
)
export const UNDERS = table('underline _ underbrace ⏟')

/** Where each alphabet begins: capitals, small letters, digits; null where it has none. */
const ALPHABETS: Readonly<Record<string, readonly [number, number, number | null]>> = {
  mathbf: [0x1d400, 0x1d41a, 0x1d7ce],
  boldsymbol: [0x1d400, 0x1d41a, 0x1d7ce],
  bm: [0x1d400, 0x1d41a, 0x1d7ce],
  mathcal: [0x1d49c, 0x1d4b6, null],
  mathscr: [0x1d49c, 0x1d4b6, null],
  mathfrak: [0x1d504, 0x1d51e, null],
  mathbb: [0x1d538, 0x1d552, 0x1d7d8],
  mathsf: [0x1d5a0, 0x1d5ba, 0x1d7e2],
  mathtt: [0x1d670, 0x1d68a, 0x1d7f6]
}
/** These were in Unicode before their alphabets, at other places. */
const EARLIER: Readonly<Record<string, string>> = {
  mathbb: 'Cℂ Hℍ Nℕ Pℙ Qℚ Rℝ Zℤ',
  mathcal: 'Bℬ Eℰ Fℱ Hℋ Iℐ Lℒ Mℳ Rℛ eℯ gℊ oℴ',
  mathscr: 'Bℬ Eℰ Fℱ Hℋ Iℐ Lℒ Mℳ Rℛ eℯ gℊ oℴ',
  mathfrak: 'Cℭ Hℌ Iℑ Rℜ Zℨ'
}

export const isAlphabet = (name: string): boolean => Object.hasOwn(ALPHABETS, name)

/** A letter or digit in the alphabet of that command; anything else as it is. */
export function inAlphabet(name: string, letter: string): string {
  const earlier = EARLIER[name]?.split(' ').find((pair) => pair.startsWith(letter))
  if (earlier !== undefined) return earlier.slice(letter.length)
  const [capitals, small, digits] = ALPHABETS[name]!
  const code = letter.codePointAt(0)!
  if (/^[A-Z]$/.test(letter)) return String.fromCodePoint(capitals + code - 65)
  if (/^[a-z]$/.test(letter)) return String.fromCodePoint(small + code - 97)
  if (/^\d$/.test(letter) && digits !== null) return String.fromCodePoint(digits + code - 48)
  return letter
}

function table(text: string): ReadonlyMap<string, string> {
  const words = text.split(' ')
  return new Map(
    Array.from({ length: words.length / 2 }, (_, i) => [words[2 * i]!, words[2 * i + 1]!])
  )
}
