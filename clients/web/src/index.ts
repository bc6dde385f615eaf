export * from './messages.js';
export { WireError } from './bytes.js';
export * from './rotation.js';
export * from './chunks.js';
