// The one module to change for another shop: its API, the identity of its customers, its payment page and its drops.

/** The sample users of the local stack. */
const people = ["kim", "lee", "park"];
let current = localStorage.getItem("store.user");
if (!people.includes(current)) [current] = people;

export const config = {
  /** The origin of the API, such as `https://api.example.com`. Empty: the origin of this page. */
  api: "",

  /** The caller. Locally a header names a sample user. Deployed, a token does: see README.md. */
  identity: {
    /** The users to choose from; an empty list hides the choice. */
    people,
    userId: () => current,
    choose(userId) {
      current = userId;
      localStorage.setItem("store.user", userId);
    },
    headers: async () => ({ "x-user-id": current }),
  },

  /** The address of the provider's page for a checkout. It leads back with `paymentKey`, or with `code` and `message`. */
  async paymentPage({ clientKey, merchantOrderId, amount, orderName }, back) {
    // The local stack names the port of its payment system here.
    const { addresses } = await (await fetch("/_dev/stack")).json();
    const page = new URL("/checkout", addresses.paymentSystem);
    page.hostname = location.hostname;
    page.search = new URLSearchParams({ clientKey, orderId: merchantOrderId, amount, orderName, successUrl: back, failUrl: back });
    return page.href;
  },

  /** Sales that open at an instant. The clock of the shop decides; these instants are announcements. */
  drops: [
    { type: "coupon", id: "welcome", name: { ko: "첫 구매 5,000원 할인", en: "₩5,000 off the first order" }, opensAt: "2026-01-01T00:00:00Z" },
    { type: "coupon", id: "harvest", name: { ko: "한가위 10% 할인", en: "10 % off for Chuseok" }, opensAt: "2026-01-01T00:00:00Z" },
    { type: "product", id: "mulsogum", name: { ko: "한정판 물소리 찻잔", en: "Mulsori teacup, limited edition" }, opensAt: "2026-01-01T00:00:00Z" },
  ],
};
