// A provider of identities for the tests, with a page to log in on: kim is of the SOC, ada of the network's people too, lee of
// nobody's. Usage: provider.mjs CALLBACK, where browsers are sent back to; says on standard output which issuer it is.
import Provider from 'oidc-provider';
import { createServer } from 'node:http';

export const SECRET = 'se+cr:et/with odd';
const GROUPS = { kim: ['soc'], ada: ['soc', 'network-admins'], lee: [] };

const page = (uid, words = '') => `<!doctype html><html lang="en"><title>Provider</title><h1>Who are you?</h1><p role="alert">${words}</p>
  <form method="post" action="/interaction/${uid}"><label>Account <input name="account"></label>
  <button name="act" value="enter">Continue</button> <button name="act" value="leave">Decline</button></form></html>`;

async function bodyOf(request) {
  let text = '';
  for await (const part of request) text += part;
  return new URLSearchParams(text);
}

function make(issuer, callback) {
  const provider = new Provider(issuer, {
    clients: [{ client_id: 'tidemark', client_secret: SECRET, redirect_uris: [callback] }],
    claims: { openid: ['sub'], profile: ['preferred_username'], groups: ['groups'] },
    scopes: ['openid', 'profile', 'groups'],
    pkce: { required: () => true },
    cookies: { keys: ['for tests alone'] },
    ttl: { Interaction: 600, Session: 600, Grant: 600, AccessToken: 600, IdToken: 600 },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, preferred_username: id, groups: GROUPS[id] }) }),
    // Whoever is known has consented.
    async loadExistingGrant(context) {
      const { client, session, provider: mine } = context.oidc;
      const grant = new mine.Grant({ clientId: client.clientId, accountId: session.accountId });
      grant.addOIDCScope('openid profile groups');
      await grant.save();
      return grant;
    },
  });
  provider.use(async (context, next) => {
    const uid = /^\/interaction\/([\w-]+)$/.exec(context.path)?.[1];
    if (!uid) return next();
    context.type = 'html';
    context.body = page(uid);
    if (context.method !== 'POST') return;
    const form = await bodyOf(context.req);
    const account = form.get('account') ?? '';
    const leaves = form.get('act') === 'leave';
    if (!leaves && !(account in GROUPS)) context.body = page(uid, 'No such account.');
    else {
      const result = leaves ? { error: 'access_denied', error_description: 'declined' } : { login: { accountId: account } };
      context.redirect(await provider.interactionResult(context.req, context.res, result, { mergeWithLastSubmission: false }));
    }
  });
  return provider;
}

// The name of the host differs from that of Tidemark, so that browsers see two sites, as they do where it matters.
const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://localhost:${server.address().port}`;
  server.on('request', make(issuer, process.argv[2]).callback());
  console.log(issuer);
});
