// The shop of this page. `cargo xtask console` writes another file for a deployed shop, from the outputs of its stack.

export const config = {
  /** The origin of the API; empty if it is the origin of the page. */
  api: "",

  /** Whether the local stack serves the page: its tools and the outside systems are below `_dev`. */
  isLocal: true,

  /** The user pool of a deployed shop: `endpoint` and `client`. Null: a token is pasted. */
  signIn: null,

  /** The claim of a token that lists its groups, and the groups with a role. */
  roles: { claim: "cognito:groups", admin: "admin", seller: "seller" },
};
