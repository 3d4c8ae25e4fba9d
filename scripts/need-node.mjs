// Every npm script runs this first: one clear line instead of a syntax error under an old Node.
// Plain JavaScript, because an old Node has to be able to read it.
const needed = [24, 15];
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major < needed[0] || (major === needed[0] && minor < needed[1])) {
  console.error(
    `Node ${needed.join('.')} or newer is needed and this is ${process.versions.node}: ` +
      'run "npm ci" (without --ignore-scripts), which installs the pinned Node into node_modules',
  );
  process.exit(1);
}
