/** The parameters of a page, and its one report. */
export const parameters = Object.fromEntries(new URLSearchParams(location.search));
export const report = (outcome) => fetch(`/report?run=${parameters.run}`, { method: "POST", body: JSON.stringify(outcome) });
