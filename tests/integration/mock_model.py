"""What the mock exchange's account, orders and trades must be, reckoned anew with Python's decimals: written from the
rules that its documentation and help state, to judge it from outside."""
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Context, Decimal, localcontext

EXACT = Context(prec=120)
LEVELS = 100
MAKER_FEE, TAKER_FEE = Decimal("0.006"), Decimal("0.003")
FEE_STEP = Decimal(1).scaleb(-18)
BUY, SELL = "BUY", "SELL"


@dataclass(frozen=True)
class Pair:
    base: str
    quote: str
    last: Decimal
    step: Decimal       # between two prices of the book: a thousandth of the last price's last digit
    offered: Decimal    # at each price
    lot: Decimal

    def price(self, side, level):
        return self.last + (self.step if side == SELL else -self.step) * level


PAIRS = {
    "BTCUSDT": Pair("BTC", "USDT", Decimal("40000"), Decimal("0.001"), Decimal("0.018144"), Decimal("0.000001")),
    "ETHUSDT": Pair("ETH", "USDT", Decimal("2500"), Decimal("0.001"), Decimal("0.5"), Decimal("0.0001")),
    "SHARPUSDT": Pair("SHARP", "USDT", Decimal("0.02"), Decimal("0.00001"), Decimal("1000.5"), Decimal("1E-12")),
}


@dataclass
class Order:
    number: int
    pair: str
    side: str
    kind: str
    time_in_force: str
    price: Decimal
    left: Decimal       # of the quantity; 0 for what is bought by amount
    reserved: Decimal
    state: str = "SUBMITTED"
    done_quantity: Decimal = Decimal(0)
    done_amount: Decimal = Decimal(0)

    @property
    def is_active(self):
        return self.state in ("SUBMITTED", "PARTIAL_FILLED")


@dataclass
class Trade:
    order: int
    side: str
    quantity: Decimal
    amount: Decimal
    fee: Decimal
    is_maker: bool


@dataclass
class Model:
    available: dict
    frozen: dict
    orders: list = field(default_factory=list)
    trades: list = field(default_factory=list)
    # what others still offer: (pair, side) -> [level, left at that level]
    offers: dict = field(default_factory=dict)
    # what came from others and went to fees, by currency: with it, money is conserved
    outside: dict = field(default_factory=dict)

    def __post_init__(self):
        for name in PAIRS:
            self._refill(name)

    def total(self, currency):
        return self.available[currency] + self.frozen[currency] - self.outside.get(currency, 0)

    # --- what is asked ---

    def place(self, pair, side, kind, time_in_force="GTC", price=None, quantity=None, amount=None):
        """The code, and the order where that is 0."""
        with localcontext(EXACT):
            order = Order(len(self.orders), pair, side, kind, time_in_force, price, quantity or Decimal(0), Decimal(0))
            needs = amount if amount is not None else order.left * (price if side == BUY else 1)
            spends = PAIRS[pair].quote if side == BUY else PAIRS[pair].base
            if kind != "MARKET" and time_in_force == "GTC" and sum(o.is_active for o in self.orders) >= 50:
                return 3013, None
            if needs > self.available[spends]:
                return 3113, None
            self._move(spends, -needs, needs)
            order.reserved = needs
            self.orders.append(order)
            self._match(order)
            return 0, order

    def cancel(self, order):
        with localcontext(EXACT):
            if not order.is_active:
                return 3103
            order.state = "CANCELED"
            self._release(order)
            self._restore(order.pair)
            return 0

    # --- the book ---

    def _refill(self, name, sides=(BUY, SELL)):
        for side in sides:
            self.offers[name, side] = [1, PAIRS[name].offered]

    def _restore(self, name):
        """Others offer everything again on a side where no own order waits that would take it."""
        pair = PAIRS[name]
        best_ask, best_bid = pair.price(SELL, 1), pair.price(BUY, 1)
        own = [o for o in self.orders if o.is_active and o.pair == name]
        if not any(o.side == BUY and o.price >= best_ask for o in own):
            self._refill(name, (SELL,))
        if not any(o.side == SELL and o.price <= best_bid for o in own):
            self._refill(name, (BUY,))

    def quotes(self, name, side):
        """(price, quantity, own order or None, level) on a side, the best first; others before own ones."""
        pair, (level, left) = PAIRS[name], self.offers[name, side]
        found = [(pair.price(side, n), left if n == level else pair.offered, None, n) for n in range(level, LEVELS + 1)]
        found += [(o.price, o.left, o, 0) for o in self.orders
                  if o.is_active and o.pair == name and o.side == side and o.kind != "MARKET"]
        sign = 1 if side == SELL else -1
        return sorted(found, key=lambda quote: (sign * quote[0], quote[2] is not None, quote[2].number if quote[2] else 0))

    def depth(self, name, side, levels):
        """[[price, quantity], ...] as the book is shown: one line for each price."""
        with localcontext(EXACT):
            lines = []
            for price, quantity, _, _ in self.quotes(name, side):
                if lines and lines[-1][0] == price:
                    lines[-1][1] += quantity
                else:
                    lines.append([price, quantity])
            return lines[:levels]

    # --- matching ---

    @staticmethod
    def _takes(order, price):
        if order.kind == "MARKET":
            return True
        return price <= order.price if order.side == BUY else price >= order.price

    def _match(self, order):
        # the order itself is in the list of orders, but never on the side it takes from
        other = SELL if order.side == BUY else BUY
        reachable = [quote for quote in self.quotes(order.pair, other) if self._takes(order, quote[0])]
        if order.kind == "POST_ONLY" and reachable:
            order.state = "REJECTED"
        elif (order.kind != "MARKET" and order.time_in_force == "FOK"
              and sum(quantity for _, quantity, _, _ in reachable) < order.left):
            order.state = "CANCELED"
        else:
            is_satisfied = self._fill(order, reachable, other)
            if is_satisfied and order.done_quantity:
                order.state = "FILLED"
            elif order.kind == "MARKET" or order.time_in_force != "GTC":
                order.state = "CANCELED"
            else:
                order.state = "PARTIAL_FILLED" if order.done_quantity else "SUBMITTED"
        if not order.is_active:
            self._release(order)
        self._restore(order.pair)

    def _fill(self, order, reachable, other):
        by_amount = order.kind == "MARKET" and order.side == BUY
        for price, offered, maker, level in reachable:
            wanted = order.left
            if by_amount:
                wanted = (order.reserved / price).quantize(PAIRS[order.pair].lot, rounding=ROUND_DOWN)
            quantity = min(wanted, offered)
            if quantity == 0:
                return True
            if maker:
                self._settle(maker, price, quantity, MAKER_FEE, is_own=True)
                maker.state = "PARTIAL_FILLED" if maker.left else "FILLED"
            self._settle(order, price, quantity, TAKER_FEE, is_own=bool(maker))
            if not maker:
                self.offers[order.pair, other] = ([level, offered - quantity] if quantity < offered
                                                  else [level + 1, PAIRS[order.pair].offered])
            if wanted <= offered:
                return True
        return False

    def _settle(self, order, price, quantity, rate, is_own):
        pair, amount = PAIRS[order.pair], price * quantity
        buys = order.side == BUY
        pays, gets = (amount, quantity) if buys else (quantity, amount)
        frees = order.price * quantity if buys and order.kind != "MARKET" else pays
        spends, receives = (pair.quote, pair.base) if buys else (pair.base, pair.quote)
        fee = (gets * rate).quantize(FEE_STEP, rounding=ROUND_DOWN)
        self._move(spends, frees - pays, -frees)
        self._move(receives, gets - fee, 0)
        self.outside[receives] = self.outside.get(receives, Decimal(0)) - fee
        if not is_own:  # an own order's other side is in the account, too
            self.outside[receives] += gets
            self.outside[spends] = self.outside.get(spends, Decimal(0)) - pays
        order.reserved -= frees
        order.done_quantity += quantity
        order.done_amount += amount
        if not (buys and order.kind == "MARKET"):
            order.left -= quantity
        self.trades.append(Trade(order.number, order.side, quantity, amount, fee, rate == MAKER_FEE))

    def _move(self, currency, available, frozen):
        self.available[currency] += available
        self.frozen[currency] += frozen

    def _release(self, order):
        spends = PAIRS[order.pair].quote if order.side == BUY else PAIRS[order.pair].base
        self._move(spends, order.reserved, -order.reserved)
        order.reserved = Decimal(0)
