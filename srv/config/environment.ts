/**
 * The one place that touches the process's environment; everything else gets the record that is read here. (The
 * SAP libraries look into the environment by themselves, so what a file adds is added there too.)
 */
import { loadEnv } from '@sap/xsenv';

import { ConfigurationError } from './problems.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The environment, completed by `file` (JSON, for local development) where it exists; variables that are set win.
 * @throws ConfigurationError if the file is not JSON
 */
export function readEnvironment(file = 'default-env.json'): Environment {
  try {
    loadEnv(file);
  } catch {
    // Without its cause: the parser's message quotes the text, which may be a password.
    throw new ConfigurationError([`${file} is not valid JSON: correct it or remove it.`]);
  }
  return Object.freeze({ ...process.env });
}
