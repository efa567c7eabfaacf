"""Records the JSON Schemas that Pydantic 2 makes of its types, for the tests of grammars.

    pip install 'pydantic[email]==2.13.4'
    python3 tools/pydantic-schemas/make.py > test/services/worker/engines/llama/child/schema/pydantic.json
"""

import datetime
import decimal
import enum
import ipaddress
import json
import pathlib
import re
import sys
import typing
import uuid

import annotated_types
import pydantic
import typing_extensions
from pydantic import BaseModel, ConfigDict, Field, RootModel, TypeAdapter


class Color(enum.Enum):
    RED = 'rot'
    BLUE = 'größe'
    SUN = '日本'


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Flag(enum.Flag):
    A = 1
    B = 2


class Point(BaseModel):
    x: float
    y: float = 0.0


class Closed(BaseModel):
    model_config = ConfigDict(extra='forbid')
    name: str
    tags: list[str] = []


class Open(BaseModel):
    model_config = ConfigDict(extra='allow')
    name: str


class Extra(BaseModel):
    model_config = ConfigDict(extra='allow')
    __pydantic_extra__: dict[str, int]
    name: str


class Tree(BaseModel):
    value: int
    children: list['Tree'] = []


class Linked(BaseModel):
    value: int
    next: typing.Optional['Linked'] = None


class Employee(BaseModel):
    name: str
    boss: 'Employee | None' = None
    team: dict[str, 'Employee'] = {}


class Cat(BaseModel):
    kind: typing.Literal['cat']
    lives: int = Field(9, ge=0, le=9)


class Dog(BaseModel):
    kind: typing.Literal['dog']
    bark: bool


class Pet(BaseModel):
    pet: typing.Annotated[Cat | Dog, Field(discriminator='kind')]


class Described(BaseModel):
    """A model with words."""

    model_config = ConfigDict(title='Other', json_schema_extra={'examples': [{'a': 1}], 'x-y': {}})
    a: int = Field(description='An a', examples=[1, 2], json_schema_extra={'unit': 'm'})
    b: str = Field('x', deprecated=True, alias='bee')
    c: typing.Optional[str] = Field(None, max_length=3)


class Address(BaseModel):
    street: str = Field(min_length=1, max_length=80)
    zip: str = Field(pattern=r'^\d{5}(-\d{4})?$')
    country: str = Field(default='DE', pattern='^[A-Z]{2}$')


class Order(BaseModel):
    id: uuid.UUID
    at: datetime.datetime
    customer: str
    address: Address
    billing: Address | None = None
    lines: list[tuple[str, typing.Annotated[int, Field(ge=1, le=99)]]] = Field(min_length=1)
    total: decimal.Decimal = Field(ge=0)
    paid: bool = False
    notes: dict[str, str] = {}


Item = typing.TypeVar('Item')


class Page(BaseModel, typing.Generic[Item]):
    items: list[Item]
    next: str | None = None


class Computed(BaseModel):
    a: int

    @pydantic.computed_field
    @property
    def twice(self) -> int:
        return self.a * 2


class Person(typing_extensions.TypedDict, total=False):
    name: typing.Required[str]
    age: int


class Pair(typing.NamedTuple):
    a: int
    b: str = 'x'


TYPES = {
    'str': str,
    'int': int,
    'float': float,
    'bool': bool,
    'None': None,
    'bytes': bytes,
    'Any': typing.Any,
    'object': object,
    'Decimal': decimal.Decimal,
    'Decimal places': typing.Annotated[decimal.Decimal, Field(max_digits=6, decimal_places=2)],
    'Decimal bounds': typing.Annotated[decimal.Decimal, Field(ge=0, lt=100)],
    'date': datetime.date,
    'time': datetime.time,
    'datetime': datetime.datetime,
    'timedelta': datetime.timedelta,
    'AwareDatetime': pydantic.AwareDatetime,
    'PastDate': pydantic.PastDate,
    'UUID': uuid.UUID,
    'UUID4': pydantic.UUID4,
    'UUID1': pydantic.UUID1,
    'Path': pathlib.Path,
    'FilePath': pydantic.FilePath,
    'Pattern': re.Pattern,
    'IPv4Address': ipaddress.IPv4Address,
    'IPv6Address': ipaddress.IPv6Address,
    'IPv4Network': ipaddress.IPv4Network,
    'IPv6Interface': ipaddress.IPv6Interface,
    'IPvAnyAddress': pydantic.IPvAnyAddress,
    'EmailStr': pydantic.EmailStr,
    'NameEmail': pydantic.NameEmail,
    'AnyUrl': pydantic.AnyUrl,
    'HttpUrl': pydantic.HttpUrl,
    'PostgresDsn': pydantic.PostgresDsn,
    'SecretStr': pydantic.SecretStr,
    'SecretBytes': pydantic.SecretBytes,
    'Json': pydantic.Json,
    'Json of': pydantic.Json[list[int]],
    'Base64Str': pydantic.Base64Str,
    'Base64UrlBytes': pydantic.Base64UrlBytes,
    'ByteSize': pydantic.ByteSize,
    'StrictInt': pydantic.StrictInt,
    'PositiveInt': pydantic.PositiveInt,
    'NonNegativeInt': pydantic.NonNegativeInt,
    'NegativeInt': pydantic.NegativeInt,
    'PositiveFloat': pydantic.PositiveFloat,
    'NonPositiveFloat': pydantic.NonPositiveFloat,
    'FiniteFloat': pydantic.FiniteFloat,
    'conint': pydantic.conint(ge=-7, lt=300),
    'conint multiple': pydantic.conint(multiple_of=5),
    'confloat': pydantic.confloat(gt=0.5, le=9.75),
    'confloat multiple': pydantic.confloat(multiple_of=0.25, ge=0, le=10),
    'constr': pydantic.constr(min_length=2, max_length=5),
    'constr pattern': pydantic.constr(pattern=r'^[a-z]+_\d{2,}$'),
    'constr unanchored': pydantic.constr(pattern=r'\d'),
    'constr strip': pydantic.constr(strip_whitespace=True, to_lower=True),
    'conlist': pydantic.conlist(int, min_length=1, max_length=3),
    'list': list,
    'list of': list[str],
    'tuple': tuple,
    'tuple of': tuple[int, str, bool],
    'tuple of any number': tuple[int, ...],
    'empty tuple': tuple[()],
    'set': set[str],
    'set of bools': set[bool],
    'set of literals': set[typing.Literal['a', 'b', 'c']],
    'frozenset': frozenset[int],
    'Sequence': typing.Sequence[float],
    'dict': dict,
    'dict of': dict[str, int],
    'dict of dicts': dict[str, dict[str, list[int]]],
    'dict by int': dict[int, str],
    'dict by literal': dict[typing.Literal['a', 'b'], int],
    'dict by pattern': dict[typing.Annotated[str, Field(pattern='^x-')], int],
    'dict by enum': dict[Color, int],
    'dict by uuid': dict[uuid.UUID, int],
    'dict of a size': typing.Annotated[dict[str, int], Field(min_length=1, max_length=2)],
    'Literal': typing.Literal['a', 'b'],
    'Literal mixed': typing.Literal['a', 1, True, None],
    'Enum': Color,
    'IntEnum': Level,
    'Flag': Flag,
    'Optional': typing.Optional[int],
    'Union': int | str | None,
    'Union of models': Point | Closed,
    'Discriminated': typing.Annotated[Cat | Dog, Field(discriminator='kind')],
    'NamedTuple': Pair,
    'TypedDict': Person,
    'TypedDict list': list[Person],
    'Annotated': typing.Annotated[int, annotated_types.Interval(ge=0, lt=10)],
    'Nested unions': list[int | list[str]] | dict[str, bool | None],
    'RootModel': RootModel[list[int]],
    'RootModel dict': RootModel[dict[str, Point]],
    'Point': Point,
    'Closed': Closed,
    'Open': Open,
    'Extra': Extra,
    'Tree': Tree,
    'Linked': Linked,
    'Employee': Employee,
    'Pet': Pet,
    'Pets': list[Pet],
    'Described': Described,
    'Order': Order,
    'Generic': Page[Point],
    'Computed': Computed,
    'Model with model': pydantic.create_model('Outer', inner=(Point, ...), other=(Point, Point(x=1))),
    'JsonValue': pydantic.JsonValue,
    'Type': typing.Literal[True],
    'Version': typing.Annotated[str, Field(pattern=r'^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?$')],
}

schemas = {}
for name, kind in TYPES.items():
    try:
        adapter = TypeAdapter(kind)
    except ImportError as error:  # e-mail addresses need a further package
        print(f'left out {name}: {error}', file=sys.stderr)
        continue
    for mode in ('validation', 'serialization'):
        try:
            schema = adapter.json_schema(mode=mode)
        except pydantic.errors.PydanticInvalidForJsonSchema:
            continue
        if mode == 'validation':
            schemas[name] = schema
        elif schema != schemas.get(name):
            schemas[f'{name}, written'] = schema

print(json.dumps({'pydantic': pydantic.VERSION, 'schemas': schemas}, ensure_ascii=False, indent=1))
