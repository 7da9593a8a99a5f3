/** Where SAP Alert Notification takes events, and how it knows who sends them. Holds secrets: never logged. */

export interface AlertEndpoint {
  /** The service's address, without a path: its own paths are added. */
  readonly url: string;
  readonly login: AlertLogin;
  /** PEM of an authority to trust besides the well-known ones. */
  readonly ca?: string;
}

/** One for each type of binding that the service has. */
export type AlertLogin =
  | {
      readonly kind: 'oauth-secret';
      readonly tokenUrl: string;
      readonly clientId: string;
      readonly clientSecret: string;
    }
  | {
      readonly kind: 'oauth-certificate';
      readonly tokenUrl: string;
      readonly clientId: string;
      readonly certificate: string;
      readonly key: string;
    }
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  | { readonly kind: 'certificate'; readonly certificate: string; readonly key: string };

/** What a binding can hold, under its first name; it may have others. */
export const ALERT_CREDENTIALS = [
  'url',
  'oauth_url',
  'client_id',
  'client_secret',
  'username',
  'password',
  'certificate',
  'private_key',
] as const;

export type AlertCredential = (typeof ALERT_CREDENTIALS)[number];
