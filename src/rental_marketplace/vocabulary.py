"""The words listings are made of; some hold what breaks careless readers."""

from __future__ import annotations

ADJECTIVES = (
    "Sunny",
    "Quiet",
    "Cozy",
    "Spacious",
    "Modern",
    "Charming",
    "Bright",
    "Stylish",
    "Historic",
    "Renovated",
    "Elegant",
    "Rustic",
    "Minimalist",
    "Family-friendly",
    "Pet-friendly",
    "Top-floor",
    "Secluded",
    "Lovely",
)
KINDS = (
    "apartment",
    "studio",
    "loft",
    "townhouse",
    "condo",
    "cottage",
    "flat",
    "duplex",
    "guest suite",
    "penthouse",
    "garden flat",
    "bungalow",
)
TITLE_ENDINGS = (
    "",
    " near downtown",
    ", close to transit",
    " with parking",
    ' – "the nest"',
    " 🏡",
    " 🌊✨",
    " w/ balcony",
    " & garden",
    " (walk to everything)",
    " by the park",
    " — superhost's own",
    ", newly furnished",
    " C:\\home\\sweet",
    " 100% private",
    " | 24h check-in",
    "; long stays welcome",
    " 猫カフェ隣 😺",
)
TITLE_WEIGHTS = (40, 8, 8, 6, 1, 2, 1, 5, 4, 3, 6, 1, 4, 0.3, 3, 3, 3, 0.5)

SOURCES = ("RentLingo", "RentDigs.com", "ListedBuy", "GoSection8", "Listanza", "RENTOCULAR", "Direct", None)
SOURCE_WEIGHTS = (22, 18, 12, 7, 4, 3, 32, 2)
CATEGORIES = (
    "housing/rent/apartment",
    "housing/rent/short_term",
    "housing/rent/condo",
    "housing/rent/home",
    "housing/rent/other",
    None,
)
CATEGORY_WEIGHTS = (62, 20, 8, 6, 3, 1)

AMENITIES = (
    "Wifi",
    "Kitchen",
    "Parking",
    "Pool",
    "Gym",
    "AC",
    "Washer Dryer",
    "Dishwasher",
    "TV",
    "Elevator",
    "Fireplace",
    "Patio/Deck",
    "Storage",
    "Internet Access",
    "Cable or Satellite",
    "Refrigerator",
    "Clubhouse",
    "Playground",
    "Hot Tub",
    "Garbage Disposal",
    "Gated",
    "Doorman",
    "Tennis",
    "Wood Floors",
    "View",
)
AMENITY_SEPARATORS = (",", ", ", " , ", ",  ")
AMENITY_SEPARATOR_WEIGHTS = (70, 20, 6, 4)

PETS = ("Cats,Dogs", "Cats", "Dogs", None)
PET_WEIGHTS = (38, 11, 3, 48)
PHOTOS = ("Thumbnail", "Yes", "No")
PHOTO_WEIGHTS = (56, 34, 10)
FEES = ("No", "Yes")
FEE_WEIGHTS = (88, 12)

OPENINGS = (
    "A place to come home to after a long day in the city.",
    "Freshly painted, fully furnished and ready for you.",
    "Guests love the light, the kitchen and the neighbours.",
    "Ground floor, own entrance, no stairs.",
    'Our friends call it "the nest" – you will see why.',
    "Big windows on both sides, so it's bright all day.",
    "High ceilings, wooden floors & a view over the roofs.",
)
MIDDLES = (
    "Walk to cafés, shops and the station in 5 minutes.",
    "The bus stops at the door; downtown is 15 minutes away.",
    "Free parking in the yard, bikes on request.",
    "The desk has fast internet (300 Mbit/s), so working from here is easy.",
    "Supermarket, bakery; pharmacy: all on the same street.",
    "Quiet at night, lively by day.",
)
CLOSINGS = (
    "",
    " Check-in from 3 pm.\nCheck-out by 11 am.",
    " No smoking, no parties.",
    " Self check-in 24/7 🔑.",
    " Deposit: 20%, back within 7 days.",
    " Enjoy! 😀🎉",
    " Rules:\r\n- no parties\r\n- no shoes",
    " Share: \\\\nas\\photos",
    "\tAsk us for monthly rates.",
    ' Say "hi" when you book, it\'s nice.',
)
CLOSING_WEIGHTS = (30, 18, 20, 8, 8, 3, 3, 1, 2, 5)

STREETS = (
    "Main St",
    "Oak Ave",
    "Maple Dr",
    "Park Blvd",
    "2nd St",
    "Lake Rd",
    "Elm St",
    "Church St",
    "Sunset Blvd",
    "Station Rd",
    "High St",
    "River Rd",
    "Washington Ave",
    "Cedar Ln",
    "Hill St",
    "Market St",
    "King's Rd",
)
UNITS = ("", " Apt 2", " Apt 4B", " #12", " Unit C", " Suite 300")
UNIT_WEIGHTS = (60, 10, 8, 10, 7, 5)

PENDING = ("pending", "Pending", " PENDING")
PENDING_WEIGHTS = (92, 6, 2)
CONFIRMED = ("confirmed", "Confirmed", "Confirmed ", "CONFIRMED")
CONFIRMED_WEIGHTS = (88, 7, 3, 2)
CANCELED = ("canceled", "cancelled", "Canceled", "CANCELLED ")
CANCELED_WEIGHTS = (68, 24, 6, 2)
FINISHED = ("completed", "checked out", "Completed", "Checked Out")
FINISHED_WEIGHTS = (70, 22, 5, 3)

CALLS_TO_ACTION = (None, "contact", "share", "book_now", "wishlist", "call", "ask_host", "")
BROWSING_WEIGHTS = (72, 8, 6, 3, 6, 1.5, 3, 0.5)
CONSIDERING_WEIGHTS = (40, 18, 6, 6, 22, 3, 5, 0)
BOOKING_WEIGHTS = (14, 7, 0, 76, 2, 1, 0, 0)
WISHLIST = CALLS_TO_ACTION.index("wishlist")
