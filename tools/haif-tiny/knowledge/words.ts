/**
 * Words to fill templates with. What they mean does not matter here.
 */
export const NAMES = words(`
  Ada Alan Alice Amir Anna Ben Bob Carla Chen Clara Dan Diego Elena Emma Eric Eva Fatima Finn
  George Grace Hana Hugo Ines Ivan Jack Jane Joao John Julia Kai Karim Lara Leo Lily Lucas Maria
  Mark Mia Mona Nadia Nina Noah Olga Omar Oscar Paul Petra Priya Raj Rosa Sam Sara Sofia Tara Theo
  Tom Uma Victor Wei Yara Yuki Zoe Peter Mary James Robert David Linda Susan Karen Nancy Daniel
  Kevin Brian Laura Sarah Helen Frank Henry Walter Simon Martin Thomas Andrew Stefan Erik Lena
  Marta Pavel Igor Boris Ali Hassan Aisha Leila Kofi Amara Chloe Louis Pierre Jules Bruno Carlos
`)

export const NOUNS = words(`
  apple banana cherry river mountain ocean forest window table chair garden bridge castle dragon
  robot planet rocket music guitar piano summer winter spring autumn book paper pencil letter house
  street city village market bread cheese coffee water butter honey sugar pepper salt cloud rain
  snow wind storm shadow fire stone sand metal glass wood leaf flower seed root tree grass field
  farm barn road path train plane boat ship car truck bicycle wheel engine motor battery lamp candle
  clock watch phone camera radio screen keyboard mouse printer cable school teacher student lesson
  doctor nurse hospital medicine lawyer judge court law police king queen prince soldier army war
  peace money bank price tax market shop office factory company team game ball goal player
  score sport tennis football chess card movie film actor song singer band dance painting picture
  museum poem poet novel author story language word sentence grammar math number circle triangle
  square angle energy force gravity light sound heat atom electron molecule cell gene blood heart
  brain bone muscle skin hair eye ear nose mouth tooth hand foot finger knee shoulder back stomach
  cat dog bird fish horse tiger lion rabbit turtle panda wolf bear fox deer goat cow pig sheep hen
  duck eagle owl snake spider ant bee whale shark dolphin rice pasta pizza soup salad sandwich cake
  cookie chocolate milk tea juice wine beer fruit potato tomato onion carrot bean egg meat chicken
  kitchen bathroom bedroom door wall roof floor stairs lock box bag bottle cup plate knife fork
  spoon shirt shoes hat coat dress ring gold silver iron copper steel plastic rubber cotton
  island desert valley lake beach coast sea wave earth moon sun star sky galaxy universe time
  history science art religion culture politics economy election president government democracy
  philosophy logic memory dream sleep idea truth love anger fear happiness friend family mother
  father sister brother baby child holiday birthday wedding party present travel hotel ticket
  passport airport weather temperature climate earthquake volcano dinosaur computer software
  Google Microsoft Amazon Netflix Tesla Linux Windows Android Java Rust Ruby React Git Redis Europe
  Africa Asia America London Newton Mozart Shakespeare Napoleon Bitcoin Instagram Wikipedia Olympics
  Christmas gravity evolution genetics chemistry physics biology mathematics calculus geometry
  statistics learning intelligence robotics network processor memory cancer diabetes vitamin protein
  depression insurance mortgage inflation recession investment stocks
  database compiler algorithm browser website email password virus hacker bitcoin
`)

export const ADJECTIVES = words(`
  little brave clever happy quiet gentle young curious kind tired purple yellow silver golden orange
  simple strange old modern cheap heavy famous dangerous beautiful broken warm cold
`)

/** The small words that sentences are made of. */
export const SMALL_WORDS = words(`
  the a an and or but not to of in on at by for from with without about as is are was were be been
  am do does did have has had can could will would should may must I you he she it we they me him
  her us them my your his its our their this that these those here there who what when where why how
  all some any no none one two three four five six seven eight nine ten more most much many few very
  too also only just now then again never always often yes please thank thanks hello hi good bad new
  old great small big first last next other same own up down out over under after before if so
  because than like want need know think see look go come make take give get say tell ask use run
  work works help find keep stop start end morning everyone world everything nothing something
`)

export const VERBS = words(`
  cook bake fix build clean paint draw write sell buy grow plant train teach learn repair install
  open close measure cut fold wash drive ride catch throw remove replace solve prove design sing
  dance play translate compile debug publish print save heat cool freeze boil fry
`)

export const ANIMALS = words(`
  cat dog bird fish horse tiger lion rabbit turtle panda fox bear mouse owl frog wolf deer goat duck
  snake whale dragon robot
`)

export const PLACES = words('forest garden village river mountain city castle market island meadow')

export const THINGS = [
  'a golden key',
  'a small lamp',
  'a red ball',
  'a warm blanket',
  'a shiny stone',
  'a lost letter',
  'a big cake',
  'a blue kite',
  'an old map',
  'a silver bell'
]

export const SYSTEM_PROMPTS = [
  'You are a helpful assistant.',
  'You are a helpful assistant. Answer briefly.',
  'You are a helpful AI assistant.',
  'You are the built-in HAIF assistant.',
  'You are the built-in model of HAIF.',
  'You are HAIF.',
  'Be concise.',
  'Be brief.',
  'Answer in one sentence.',
  'Answer in English.',
  'Answer the question.',
  'You are a helpful, respectful and honest assistant.',
  'You are a helpful, respectful and honest assistant. Always answer as helpfully as possible.',
  'You answer questions about HAIF.',
  'You are a friendly chat bot.',
  'You are an expert. Think carefully before you answer.',
  'You are a test.',
  'This is a test of the system.',
  'Please be polite and short.',
  'Do not make things up. If you do not know, say so.'
]

function words(text: string): string[] {
  return [...new Set(text.trim().split(/\s+/))]
}
