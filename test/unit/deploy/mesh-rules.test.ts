import { describe, expect, it } from 'vitest';

import { allows, meshDescriptor } from './mesh-rules.ts';

describe('a rule of the mesh', () => {
  it.each([
    ['${namespace}/*', 'a/b/c/queue'],
    ['${namespace}/*', 'a/b/c/ce/x/v1'],
    ['+/+/+/ce/*', '+/+/+/ce/x/v1'],
    ['+/+/+/ce/*', 'd/e/f/ce/*'],
    ['+/+/+/ce/x', 'd/+/f/ce/x'],
    ['d/e/f/*', 'd/e/f/+/x'],
  ])('%s allows %s', (filter, name) => {
    expect(allows([filter], 'a/b/c', name)).toBe(true);
  });

  it.each([
    ['${namespace}/*', 'a/b/d/queue'],
    ['${namespace}/*', 'a/b/c'],
    ['${namespace}/*', '+/+/+/ce/x/v1'],
    ['+/+/+/ce/*', '+/+/ce/x/v1'],
    ['+/+/+/ce/x', 'd/e/f/ce/*'],
    ['+/+/+/ce/+', 'd/e/f/ce/*'],
    ['+/+/+/ce/x', 'd/e/f/ce/x/y'],
    ['d/e/f/x', '+/e/f/x'],
  ])('%s does not allow %s', (filter, name) => {
    expect(allows([filter], 'a/b/c', name)).toBe(false);
  });

  it.each(['${namespace}/#', 'a/*/c', 'a//b', '/a', '${space}/*'])('is not written %s', (filter) => {
    const { topicRules } = meshDescriptor.shape.rules.shape;
    expect(topicRules.safeParse({ publishFilter: [], subscribeFilter: [filter] }).success).toBe(false);
    expect(topicRules.safeParse({ publishFilter: [], subscribeFilter: ['a/+/*'] }).success).toBe(true);
  });
});
