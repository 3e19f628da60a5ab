// A request that changes something: sent from our own page only, answered with words for a person.

export async function ask(name, what, body) {
  try {
    const response = await fetch(`/api/mappings/${encodeURIComponent(name)}/${what}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Requested-With": "pg-migrator" },
      body: JSON.stringify(body),
    });
    const answer = await response.json();
    if (response.status === 202) return { kind: "good", text: "Queued. The next reconcile takes it up.", reasons: [] };
    return { kind: "bad", text: answer.error, reasons: answer.reasons || [] };
  } catch {
    return { kind: "bad", text: "The dashboard did not answer. Nothing was asked for.", reasons: [] };
  }
}
