/** Friendly names for runs, drawn from a seed. */
import { rng } from "./rng.ts";

const QUALITIES = (
  "able airy amber ample apt arctic autumn azure balmy bold brave breezy bright brisk calm candid careful cheery civil clear " +
  "clever coastal copper coral cosy crimson crisp curious dapper daring dawn deft dewy eager early earnest easy elfin even " +
  "fair fancy fearless fern fleet fond frank free fresh frosty gentle gilded glad golden grand green happy hardy hazel hearty " +
  "honest humble ivory jaunty jolly keen kind lively loyal lucid lunar merry mellow mild misty modest mossy neat nimble noble " +
  "olive open patient pearly placid plucky polite proud quick quiet rapid ready rosy ruby rustic sage sandy serene sharp shiny " +
  "silent silver sleek smart snowy solar solid spry stable steady still sturdy subtle sunny supple swift tidy tranquil true " +
  "upbeat velvet vivid warm wise witty zesty"
).split(" ");

const CREATURES = (
  "adder albatross alpaca antelope avocet badger bat beaver bee beetle bison bittern bobcat bream bunting buzzard camel caribou " +
  "carp cat chamois cheetah cod condor coot coyote crab crane cricket crow curlew deer dipper dolphin dormouse dove duck dunlin " +
  "eagle eel egret eider elk falcon ferret finch firefly fox frog gannet gazelle gecko goose grebe grouse gull hamster hare " +
  "hawk hedgehog heron hoopoe horse ibex ibis impala jackal jackdaw jay kestrel kingfisher kite kiwi koala lapwing lark lemur " +
  "leopard linnet lion lizard llama lobster loon lynx magpie mallard marmot marten martin mink mole moose moth mouse newt " +
  "nightjar ocelot octopus orca oriole osprey otter owl panda panther partridge pelican penguin perch pike pipit plover pony " +
  "puffin puma quail rabbit raven redstart robin rook salmon seal shrew shrike siskin skylark sparrow squirrel starling stoat " +
  "stork swallow swan swift tapir teal tern thrush tiger toad trout turtle viper vole walrus weasel whale wigeon wolf wombat " +
  "woodcock wren yak zebra"
).split(" ");

/**
 * A two-word name such as `"quiet-otter"`, the same for the same seed and attempt; raise `attempt` where a name is taken.
 * About 22 000 names.
 */
export function friendlyName(seed: number, attempt = 0): string {
  const random = rng(seed, "name", attempt);
  return `${QUALITIES[random.integer(QUALITIES.length)]}-${CREATURES[random.integer(CREATURES.length)]}`;
}
