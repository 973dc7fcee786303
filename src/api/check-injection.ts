/** Whether a rule of injection makes sense, said before any worker starts. */
import { InjectionError, parseInjectionRule } from '../kernel/watch/injection-rule.js';

/** What is wrong with it, in one line. */
export function checkInjection(rule: string): string | undefined {
  try {
    parseInjectionRule(rule);
    return undefined;
  } catch (e) {
    if (e instanceof InjectionError) return e.message;
    throw e;
  }
}
